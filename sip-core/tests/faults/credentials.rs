//! Credentials stay in their protection space (RFC 3261 section 22, RFC 7616).
