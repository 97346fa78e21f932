/* starttls.h - the STARTTLS command. See starttls.c. TUTORIAL.md, chapter 6. */
#ifndef STARTTLS_H
#define STARTTLS_H

#include "session.h"

/*
 * At the start of the program: set config->tls, with the certificate and key
 * that the command line names, or with new ones if neither file exists. If none
 * are named, it stays NULL. A key log is opened if the environment has
 * SSLKEYLOGFILE. Any fault ends the program.
 */
void starttls_open(struct config *config);

/* At its end: wipe the key. */
void starttls_close(struct config *config);

/* Print the DANE record for this server, if it has a certificate (RFC 7672),
 * and warn of a key log. */
void starttls_announce(const struct config *config);

/* True if STARTTLS may be said now. RFC 3207 section 4. */
bool starttls_is_offered(const struct session *session);

/* The command: RFC 3207 section 4. Returns its reply, or NULL if it was said.
 */
const char *starttls_command(struct session *session, char *argument);

#endif
