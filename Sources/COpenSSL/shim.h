// What OpenSSL offers only as macros, which Swift does not see.
#include <features.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

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

// What OpenSSL reads and writes between two waits: memory that all connections of a thread share, so that none has buffers of
// its own. All of the input is to be taken before the next wait.
typedef struct green_tls_wire {
    const unsigned char *input;
    size_t input_count;
    unsigned char *output;
    size_t output_count;
    size_t output_capacity;
} green_tls_wire;

static inline int green_tls_wire_read(BIO *bio, char *data, int size) {
    green_tls_wire *wire = (green_tls_wire *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!wire || wire->input_count == 0 || size <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t count = (size_t)size < wire->input_count ? (size_t)size : wire->input_count;
    memcpy(data, wire->input, count);
    wire->input += count;
    wire->input_count -= count;
    return (int)count;
}

static inline int green_tls_wire_write(BIO *bio, const char *data, int size) {
    green_tls_wire *wire = (green_tls_wire *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    if (!wire || wire->output_capacity - wire->output_count < (size_t)size) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(wire->output + wire->output_count, data, (size_t)size);
    wire->output_count += (size_t)size;
    return size;
}

static inline long green_tls_wire_control(BIO *bio, int what, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return what == BIO_CTRL_FLUSH;
}

static inline int green_tls_wire_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

// How BIOs over a wire work; NULL without memory.
static inline BIO_METHOD *green_tls_make_wire_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "green wire");
    if (method) {
        BIO_meth_set_read(method, green_tls_wire_read);
        BIO_meth_set_write(method, green_tls_wire_write);
        BIO_meth_set_ctrl(method, green_tls_wire_control);
        BIO_meth_set_create(method, green_tls_wire_create);
    }
    return method;
}

// Empties OpenSSL's queue of errors, which most often is.
static inline void green_tls_clear_errors(void) {
    if (ERR_peek_error()) ERR_clear_error();
}

// Says who chooses a server's certificate once the client has said which name it wants.
static inline void green_tls_set_name_callback(SSL_CTX *context, int (*choose)(SSL *, int *, void *), void *table) {
    SSL_CTX_set_tlsext_servername_callback(context, choose);
    SSL_CTX_set_tlsext_servername_arg(context, table);
}

// Writes a distinguished name as text (RFC 2253), UTF-8 as it is; below 0 where that fails.
static inline int green_tls_print_name(BIO *out, const X509_NAME *name) {
    return X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

// The other names of a certificate's subject, to be freed; NULL where it has none.
static inline void *green_tls_alternatives(X509 *certificate) {
    return X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

static inline void green_tls_free_alternatives(void *list) {
    GENERAL_NAMES_free((GENERAL_NAMES *)list);
}

static inline int green_tls_alternative_count(void *list) {
    return sk_GENERAL_NAME_num((GENERAL_NAMES *)list);
}

// One of them: its kind, and its bytes where it is a name or an address of a host; else NULL.
static inline const unsigned char *green_tls_alternative(void *list, int index, int *kind, int *count) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value((GENERAL_NAMES *)list, index);
    const ASN1_STRING *text = name ? (const ASN1_STRING *)GENERAL_NAME_get0_value(name, kind) : NULL;
    if (!text || (*kind != GEN_DNS && *kind != GEN_IPADD)) return NULL;
    *count = ASN1_STRING_length(text);
    return ASN1_STRING_get0_data(text);
}

// Takes the chain of a context's certificate away.
static inline void green_tls_clear_chain(SSL_CTX *context) {
    SSL_CTX_clear_chain_certs(context);
}

// Adds a certificate to that chain, which counts its references; 1 where that worked.
static inline int green_tls_add_to_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

// Whether the last error says that a text in PEM has no further part.
static inline int green_tls_is_end_of_pem(void) {
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

// Keeps a pointer of ours with a context.
static inline void green_tls_set_context_owner(SSL_CTX *context, void *owner) {
    SSL_CTX_set_app_data(context, owner);
}

// The pointer kept with a connection's context.
static inline void *green_tls_context_owner(const SSL *ssl) {
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

// Sets up what encrypts or decrypts a session ticket: AES-256 in CBC under HMAC-SHA256. 1 where that worked.
static inline int green_tls_use_ticket_key(
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *cipher_key, unsigned char *mac_key, const unsigned char *iv,
    int encrypts
) {
    OSSL_PARAM parameters[3];
    parameters[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, 32);
    parameters[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"sha256", 0);
    parameters[2] = OSSL_PARAM_construct_end();
    if (EVP_MAC_CTX_set_params(mac, parameters) <= 0) return 0;
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, cipher_key, iv, encrypts) == 1;
}
