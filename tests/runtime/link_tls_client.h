/* A client of end 0 that is none of ours; for link_tls_test.c alone. */
#ifndef TESTS_RUNTIME_LINK_TLS_CLIENT_H
#define TESTS_RUNTIME_LINK_TLS_CLIENT_H

static int
client_connect(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)hosts.ports[0]),
		.sin_addr.s_addr = htonl(hosts.host) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	(void)connect(fd, (struct sockaddr *)&at, sizeof(at));
	return fd;
}

static void
client_send(int fd, const void *bytes, size_t size)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	while (poll(&p, 1, 0) == 0)
		step();
	(void)send(fd, bytes, size, MSG_NOSIGNAL);
}

/* Until the server has closed it. */
static void
client_await_end(int fd)
{
	char bytes[512];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0 ||
	       (n < 0 && errno == EAGAIN))
		step();
	close(fd);
}

/* A handshake by OpenSSL itself, up to a version; true: it was let in. */
static bool
client_shake(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = client_connect();
	int answer = -1, error = SSL_ERROR_WANT_READ;
	char byte;

	SSL_set_max_proto_version(ssl, version);
	SSL_set_fd(ssl, fd);
	while (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		step();
		/* In TLS 1.3 a client hears only afterwards that it is out. */
		answer = SSL_is_init_finished(ssl) ? SSL_read(ssl, &byte, 1)
						   : SSL_connect(ssl);
		error = SSL_get_error(ssl, answer);
		if (answer > 0)
			error = SSL_ERROR_WANT_READ;
		ERR_clear_error();
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return error == SSL_ERROR_NONE;
}

#endif
