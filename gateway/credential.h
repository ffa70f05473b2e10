/*
 * credential - what a request shows to be let in, and where it stands.
 *
 * A request with an Authorization header is judged by that alone: whatever
 * cookies it has are not looked at, and if the header is no good the answer
 * is 401.  Without one, the cookie of the browser's log-in counts; then the
 * request must not come from another site (csrf.h).
 */
#ifndef GATEWAY_CREDENTIAL_H
#define GATEWAY_CREDENTIAL_H

#include "gateway/inside.h"

/*
 * The access token, in the turn's arena; NULL: there is none.  Notes in the
 * exchange whether it came as a cookie.
 */
const char *credential_find(struct conn *c, const uint8_t *at);

/* The cookie of a refresh token, in the turn's arena; NULL: none, or two. */
const char *credential_find_refresh(struct conn *c, const uint8_t *at);

/* False: another site may be behind it, and it has been answered. */
bool credential_pass_csrf(struct conn *c, const uint8_t *at);
/*
 * Of a route that anybody may ask, where a session would begin: as
 * credential_pass_csrf, but api.cors.origins may, and so may every client
 * that says nothing of where it is, as no browser does.
 */
bool credential_pass_page(struct conn *c, const uint8_t *at);
/*
 * Of a live socket, for which browsers ask from any page: the origin is the
 * host that is asked, or one of api.cors.origins, or there is none, as with
 * every client but a browser.  False: it has been refused.
 */
bool credential_pass_origin(struct conn *c, const uint8_t *at);

/* Whether the answer is one that ends a browser's log-in. */
bool credential_forgets(const struct exchange *x, uint32_t http);

#endif
