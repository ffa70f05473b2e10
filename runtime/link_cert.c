#include "runtime/link_cert.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CURVE "P-256"
#define KEY_MODE 0600
#define CERT_MODE 0644
#define NAMES_SIZE 4096 /* of all nodes of a certificate */

struct link_authority {
	EVP_PKEY *key;
	X509 *cert;
};

/* ---- certificates ---- */

static bool
cert_set_serial(X509 *x)
{
	uint8_t octets[8];
	uint64_t serial;

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	memcpy(&serial, octets, sizeof(serial));
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) ==
	       1;
}

static bool
cert_set_subject(X509 *x, const char *name)
{
	X509_NAME *n = X509_get_subject_name(x);

	return X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
		   (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool
cert_add(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e != NULL && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

/* Everything but its extensions and the signature. */
static X509 *
cert_begin(const char *name, EVP_PKEY *key, int64_t from_s, int64_t until_s)
{
	X509 *x = X509_new();

	if (x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	    cert_set_serial(x) && cert_set_subject(x, name) &&
	    X509_gmtime_adj(X509_getm_notBefore(x), from_s) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x), until_s) != NULL &&
	    X509_set_pubkey(x, key) == 1)
		return x;
	X509_free(x);
	return NULL;
}

static bool
cert_add_names(X509 *x, X509 *issuer, const struct link_cert *c)
{
	char names[NAMES_SIZE];
	size_t used = 0;

	for (size_t i = 0; i < c->count; i++) {
		int n = snprintf(names + used, sizeof(names) - used, "%sDNS:%s",
		    i == 0 ? "" : ",", c->nodes[i]);

		if (n < 0 || (size_t)n >= sizeof(names) - used)
			return false;
		used += (size_t)n;
	}
	return used > 0 && cert_add(x, issuer, NID_subject_alt_name, names);
}

static X509 *
cert_make(
    const struct link_authority *a, const struct link_cert *c, EVP_PKEY *key)
{
	X509 *x = cert_begin(c->nodes[0], key, c->from_s, c->until_s);

	if (x != NULL &&
	    X509_set_issuer_name(x, X509_get_subject_name(a->cert)) == 1 &&
	    cert_add_names(x, a->cert, c) &&
	    cert_add(x, a->cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    cert_add(x, a->cert, NID_key_usage, "critical,digitalSignature") &&
	    cert_add(x, a->cert, NID_ext_key_usage, "serverAuth,clientAuth") &&
	    cert_add(x, a->cert, NID_authority_key_identifier, "keyid") &&
	    X509_sign(x, a->key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

static X509 *
cert_make_root(const char *name, EVP_PKEY *key)
{
	X509 *x = cert_begin(name, key, LINK_CERT_EARLY_S,
	    LINK_CERT_AUTHORITY_DAYS * LINK_CERT_DAY_S);

	if (x != NULL &&
	    X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
	    cert_add(
		x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    cert_add(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    cert_add(x, x, NID_subject_key_identifier, "hash") &&
	    X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

/* ---- files ---- */

/* A fresh file of this mode, whatever was there. */
static FILE *
file_open(const char *path, mode_t mode)
{
	FILE *f;
	int fd;

	if (unlink(path) != 0 && errno != ENOENT)
		return NULL;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (f == NULL && fd >= 0)
		close(fd);
	return f;
}

static enum status
file_close(FILE *f, bool ok)
{
	if (f != NULL && fclose(f) != 0)
		ok = false;
	ERR_clear_error();
	return f != NULL && ok ? ST_OK : ST_IO;
}

static enum status
cert_write(const X509 *x, const char *path)
{
	FILE *f = file_open(path, CERT_MODE);
	bool ok = f != NULL && PEM_write_X509(f, x) == 1;

	return file_close(f, ok);
}

static enum status
key_write(const EVP_PKEY *key, const char *path)
{
	FILE *f = file_open(path, KEY_MODE);
	bool ok = f != NULL && PEM_write_PKCS8PrivateKey(
				   f, key, NULL, NULL, 0, NULL, NULL) == 1;

	return file_close(f, ok);
}

/* ---- the authority ---- */

enum status
link_authority_create(const char *name, struct link_authority **ret_authority)
{
	struct link_authority *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return ST_NO_MEMORY;
	a->key = EVP_EC_gen(CURVE);
	if (a->key != NULL)
		a->cert = cert_make_root(name, a->key);
	if (a->cert == NULL) {
		link_authority_destroy(a);
		return ST_NO_MEMORY;
	}
	*ret_authority = a;
	return ST_OK;
}

/* Half of it is not none: to make another would shut out every node. */
static enum status
authority_open(
    const char *certfile, const char *keyfile, FILE **ret_cert, FILE **ret_key)
{
	bool none;

	*ret_cert = fopen(certfile, "re");
	none = *ret_cert == NULL && errno == ENOENT;
	*ret_key = fopen(keyfile, "re");
	if (none && *ret_key == NULL && errno == ENOENT)
		return ST_NOT_FOUND;
	return *ret_cert == NULL || *ret_key == NULL ? ST_UNAVAILABLE : ST_OK;
}

/* Without a password; nobody is there to be asked for one. */
static enum status
authority_read(struct link_authority *a, FILE *cert, FILE *key)
{
	char no_password[] = "";

	a->cert = PEM_read_X509(cert, NULL, NULL, NULL);
	a->key = PEM_read_PrivateKey(key, NULL, NULL, no_password);
	return a->cert != NULL && a->key != NULL &&
		       X509_check_private_key(a->cert, a->key) == 1
		   ? ST_OK
		   : ST_INVALID;
}

enum status
link_authority_load(const char *certfile, const char *keyfile,
    struct link_authority **ret_authority)
{
	struct link_authority *a = calloc(1, sizeof(*a));
	FILE *cert, *key;
	enum status st = authority_open(certfile, keyfile, &cert, &key);

	if (st == ST_OK)
		st = a == NULL ? ST_NO_MEMORY : authority_read(a, cert, key);
	if (cert != NULL)
		fclose(cert);
	if (key != NULL)
		fclose(key);
	ERR_clear_error();
	if (st != ST_OK) {
		link_authority_destroy(a);
		return st;
	}
	*ret_authority = a;
	return ST_OK;
}

void
link_authority_destroy(struct link_authority *a)
{
	if (a == NULL)
		return;
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
	free(a);
	ERR_clear_error();
}

enum status
link_authority_store(
    const struct link_authority *a, const char *certfile, const char *keyfile)
{
	enum status st = cert_write(a->cert, certfile);

	if (st == ST_OK && keyfile != NULL)
		st = key_write(a->key, keyfile);
	return st;
}

enum status
link_authority_issue(const struct link_authority *a, const struct link_cert *c,
    const char *certfile, const char *keyfile)
{
	EVP_PKEY *key = EVP_EC_gen(CURVE);
	X509 *x = key == NULL ? NULL : cert_make(a, c, key);
	enum status st = x == NULL ? ST_NO_MEMORY : cert_write(x, certfile);

	if (st == ST_OK)
		st = key_write(key, keyfile);
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return st;
}
