//! Response heads, parsed as strictly as requests.
