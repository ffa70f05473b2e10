#include "runtime/tls_kit.h"

#include <string.h>
#include <time.h>

#include "runtime/base/text.h"

void
tls_kit_subject(const X509 *x, char ret_subject[TLS_SUBJECT_SIZE])
{
	BIO *b = BIO_new(BIO_s_mem());
	int n = 0;

	if (b != NULL && X509_NAME_print_ex(b, X509_get_subject_name(x), 0,
			     XN_FLAG_RFC2253) >= 0)
		n = BIO_read(b, ret_subject, TLS_SUBJECT_SIZE - 1);
	ret_subject[n > 0 ? n : 0] = '\0';
	BIO_free(b);
}

void
tls_kit_identify(const X509 *x, struct tls_identity *ret_identity)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	struct tm tm = { 0 };

	memset(ret_identity, 0, sizeof(*ret_identity));
	tls_kit_subject(x, ret_identity->subject);
	if (X509_digest(x, EVP_sha256(), digest, &size) == 1)
		text_hex(digest, 32, ret_identity->fingerprint);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
		ret_identity->not_after = timegm(&tm);
}

/* ---- the BIO ---- */

int
tls_kit_take(
    BIO *b, struct bytes *lent, char *ret_at, size_t size, size_t *ret_size)
{
	BIO_clear_retry_flags(b);
	if (lent->size == 0) {
		BIO_set_retry_read(b);
		return 0;
	}
	if (size > lent->size)
		size = lent->size;
	memcpy(ret_at, lent->at, size);
	lent->at += size;
	lent->size -= size;
	*ret_size = size;
	return 1;
}

static long
kit_ctrl(BIO *b, int command, long n, void *p)
{
	(void)b;
	(void)n;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

static int
kit_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

static int
kit_on_password(char *ret_password, int size, int writing, void *ctx)
{
	(void)ret_password;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

void
tls_kit_ask_nobody(SSL_CTX *ctx)
{
	SSL_CTX_set_default_passwd_cb(ctx, kit_on_password);
}

BIO_METHOD *
tls_kit_method(const char *name, tls_kit_read_fn read, tls_kit_write_fn write)
{
	BIO_METHOD *m =
	    BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, name);

	if (m == NULL)
		return NULL;
	BIO_meth_set_read_ex(m, read);
	BIO_meth_set_write_ex(m, write);
	BIO_meth_set_ctrl(m, kit_ctrl);
	BIO_meth_set_create(m, kit_create);
	return m;
}
