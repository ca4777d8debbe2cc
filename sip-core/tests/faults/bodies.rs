//! Bodies: multipart, dispositions and encodings (RFC 5621).
