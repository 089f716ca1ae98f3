#include "common/api.h"

// The version of the package that this library was built from.
ENVDOCTOR_API const char* envdoctor_version() { return ENVDOCTOR_VERSION; }
