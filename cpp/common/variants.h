// Tables of variants: what a family's dispatch has in common with another's.
#pragma once

constexpr bool is_same_name(const char* a, const char* b) {
    for (; *a && *a == *b; ++a, ++b) {
    }
    return *a == *b;
}

// The number of a variant; one that is not there does not compile where the number is a constant.
template <class Variant, int count>
constexpr int index_of(const Variant (&variants)[count], const char* name) {
    int index = 0;
    while (!is_same_name(variants[index].name, name)) ++index;
    return index;
}
