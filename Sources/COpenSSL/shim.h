// What OpenSSL offers only as macros, which Swift does not see.
#include <features.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Sets the oldest version of TLS that is spoken.
static inline int green_tls_set_oldest(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}

// Sets the name that the server is told (SNI).
static inline int green_tls_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// Says which sessions are kept where.
static inline void green_tls_set_session_mode(SSL_CTX *context, long mode) {
    SSL_CTX_set_session_cache_mode(context, mode);
}

// How records are written and buffered.
static inline void green_tls_set_mode(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

// Keeps a pointer of ours with a connection.
static inline void green_tls_set_owner(SSL *ssl, void *owner) {
    SSL_set_app_data(ssl, owner);
}

// The pointer kept with a connection.
static inline void *green_tls_owner(const SSL *ssl) {
    return SSL_get_app_data(ssl);
}

// The pointer kept with the connection whose certificates are being looked at.
static inline void *green_tls_verifier(X509_STORE_CTX *store) {
    SSL *ssl = (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    return ssl ? SSL_get_app_data(ssl) : NULL;
}

// Bytes that wait in a memory BIO.
static inline size_t green_tls_pending(BIO *bio) {
    return BIO_ctrl_pending(bio);
}

// Makes an empty memory BIO say "later", not "end".
static inline void green_tls_empty_means_later(BIO *bio) {
    BIO_set_mem_eof_return(bio, -1);
}

// No renegotiation, no compression.
static inline void green_tls_set_options(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}
