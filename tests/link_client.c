#include "tests/link_client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

int
link_client_connect(const struct link_hosts *h, uint16_t end)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)h->ports[end]),
		.sin_addr.s_addr = htonl(h->host) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert(fd >= 0);
	(void)connect(fd, (struct sockaddr *)&at, sizeof(at));
	return fd;
}

void
link_client_send(
    int fd, const void *bytes, size_t size, link_client_step_fn step)
{
	struct pollfd p = { fd, POLLOUT, 0 };

	while (poll(&p, 1, 0) == 0)
		step();
	(void)send(fd, bytes, size, MSG_NOSIGNAL);
}

void
link_client_await_end(int fd, link_client_step_fn step)
{
	char bytes[512];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0 ||
	       (n < 0 && errno == EAGAIN))
		step();
	close(fd);
}

/* Whoever is let in waits until step gives up. */
void
link_client_be_refused(const struct link_hosts *h, uint16_t end, int version,
    link_client_step_fn step)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = link_client_connect(h, end);
	int answer, error = SSL_ERROR_WANT_READ;
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
}
