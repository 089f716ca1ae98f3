"""What programs that download say of TLS, of proxies and of broken connections. Pure."""

import functools
from typing import Optional, Tuple

from envdoctor.log import BuildLog, Hit

#: A certificate that is not accepted, or no TLS at all. Source: OpenSSL, GnuTLS, schannel and rustls as Python, pip,
#: curl, git, wget, apt, conda, cargo, uv and Go print them.
TLS = (
    r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
    r"SSL certificate problem:?",
    r"server certificate verification failed",
    r"SSL peer certificate or SSH remote key was not OK",
    r"problem confirming the ssl certificate",
    r"Could not find a suitable TLS CA certificate bundle",
    r"error setting certificate (?:verify locations|file)|error adding trust anchors from file",
    r"invalid peer certificate|UnknownIssuer",
    r"x509: certificate ",
    r"cannot verify \S+ certificate",
    r"Certificate verification failed: The certificate is NOT trusted",
    r"SEC_E_(?:UNTRUSTED_ROOT|CERT_EXPIRED|WRONG_PRINCIPAL)|CRYPT_E_(?:NO_)?REVOCATION\w*",
    r"SSLError\(.{0,300}(?:SSL module is not available|WRONG_VERSION_NUMBER|EOF occurred in violation of protocol)",
    r"the ssl module in Python is not available",
    r"\[SSL: (?!DECRYPTION|BAD_RECORD|UNEXPECTED_EOF|KRB5)[A-Z0-9_]+\]",
    r"CondaSSLError|check_hostname requires server_hostname",
    r"is not valid yet \(invalid for another",
)
#: A proxy that is in the way. Source: urllib3, requests, curl and git.
PROXY = (
    r"ProxyError\(|Cannot connect to proxy|Unable to connect to proxy|CondaProxyError|ProxySchemeUnknown",
    r"Tunnel connection failed: \d+",
    r"CONNECT tunnel failed|HTTP code \d+ from proxy after CONNECT|Proxy CONNECT aborted",
    r"Could not resolve proxy|[Cc]ouldn't resolve proxy",
    r"407 Proxy Authentication Required|status code 407",
    r"Missing dependencies for SOCKS support|Unable to determine SOCKS version",
)
#: Nobody answers, or not to the end. Source: the same programs, and CMake's file(DOWNLOAD).
BROKEN = (
    r"Temporary failure in name resolution|Temporary failure resolving",
    r"NameResolutionError|getaddrinfo failed|nodename nor servname provided",
    r"(?:Errno -?\d+\] |urlopen error .{0,300})Name or service not known",
    r"[Cc]ould(?:n't| not) resolve host(?:name|:| name)?|unable to resolve host address",
    r"(?:dns error|failed to lookup address information|: no such host\b)",
    r"[Ff]ailed to connect to \S+ port \d+",
    r"(?:Read|Connect)TimeoutError|ConnectTimeout\b|ReadTimeout\b|\bRead timed out",
    r"(?:fatal|error|curl|urlopen|wget|Could not connect|NewConnection).{0,300}[Cc]onnection (?:timed out|refused)",
    r"urlopen error (?:\[WinError 100\d\d\]|timed out)|errno=Connection (?:timed out|refused)",
    r"NewConnectionError\(.{0,300}(?:Errno \d+\]|WinError \d+\])",
    r"(?:fatal|curl|NewConnection|urlopen|Max retries).{0,300}(?:Network is unreachable|No route to host)",
    r"Connection(?:ResetError|AbortedError)\(|\('Connection (?:aborted|broken)",
    r"(?:fatal|curl|Recv failure|SSL_read|OpenSSL|GnuTLS).{0,300}(?:[Cc]onnection (?:was )?reset|SSL_ERROR_SYSCALL)",
    r"GnuTLS recv error|TLS connection was non-properly terminated",
    r"IncompleteRead\(|retrieval incomplete: got only|IncompleteDownloadError|Download failed .{0,300}not enough bytes",
    r"The read operation timed out|^socket\.timeout|Errno 101.{0,300} Network is unreachable",
    r"^fatal: the remote end hung up unexpectedly|index-pack failed",
    r"RPC failed; (?:curl|HTTP)|\bearly EOF|fetch-pack: unexpected disconnect",
    r"Empty reply from server|transfer closed with .{0,300}bytes remaining|end of response with .{0,300}bytes missing",
    r"CondaHTTPError: HTTP 000|Connection failed for url|CONNECTION FAILED for url",
    r"status_code: (?:6|7|18|28|52|55|56)\b",
    r"Failed to download distribution due to network timeout|operation timed out",
    r"error sending request for url|tcp connect error|spurious network error",
    r"TLS handshake timeout|dial tcp.{0,300} (?:i/o timeout|refused|lookup )|net/http: request canceled",
    r"(?:returned error:|HTTP error|HTTP Error) 5\d\d\b|\b50[0234] (?:Server Error|Bad Gateway|Service Un)",
    r"HTTPS?ConnectionPool\(.{0,300}Max retries exceeded",
)
_OTHERS = (
    r"^ssh: (?!Could not resolve).*$",  # git over SSH is a rule of its own
    r"^.*(?:huggingface\.co|hf-mirror|TCPStore|NCCL|[Gg]loo).*$",
    r"^.*host='(?:localhost|127\.0\.0\.1|0\.0\.0\.0)'.*$",
)
_WENT_ON = r"Successfully (?:installed|built|downloaded)|^Resolved \d+ packages|^Saved "


@functools.lru_cache(maxsize=2)
def tls(log: BuildLog) -> Optional[Hit]:
    """The first line about a certificate, unless what it stopped succeeded later."""
    return _lasting(log, TLS)


@functools.lru_cache(maxsize=2)
def proxy(log: BuildLog) -> Optional[Hit]:
    """The first line about a proxy."""
    return _lasting(log, PROXY)


@functools.lru_cache(maxsize=2)
def broken(log: BuildLog) -> Optional[Hit]:
    """The first line about a connection, where it is neither TLS nor a proxy nor a download of a model."""
    about_others = (f"^.*(?:{pattern}).*$" for pattern in (*TLS, *PROXY))
    return _lasting(log.without(*_OTHERS, *about_others), BROKEN)


def _lasting(log: BuildLog, patterns: Tuple[str, ...]) -> Optional[Hit]:
    first = log.first(*patterns)
    if first is None:
        return None
    went_on = log.last(_WENT_ON)
    last = log.last(*patterns)
    # pip retries five times; what follows a success was not the cause.
    retried = "Retrying" in log.text or "retry" in first.lines[0].matched
    return None if retried and went_on and last and went_on.line > last.line else first
