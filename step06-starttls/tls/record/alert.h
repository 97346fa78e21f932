#ifndef ALERT_H
#define ALERT_H

/*
 * alert.h - why a TLS connection ends (RFC 8446 section 6).
 *
 * Everything in the protocol that can go wrong has an alert that says so to
 * the peer. So the functions of the record layer and the handshake return one:
 * ALERT_NONE if all is well, else the alert which the connection has to end
 * with. Nobody but tls.c sends it: one place, at the very end.
 * TUTORIAL.md, chapter 6.8.
 */
enum alert {
    ALERT_CLOSE_NOTIFY = 0, /* no error: the sender has said all it wanted */
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_BAD_RECORD_MAC = 20,
    ALERT_RECORD_OVERFLOW = 22,
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_ILLEGAL_PARAMETER = 47, /* well formed, but it must not be so */
    ALERT_DECODE_ERROR = 50,      /* not even well formed */
    ALERT_DECRYPT_ERROR = 51,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INTERNAL_ERROR = 80,
    ALERT_USER_CANCELED = 90,
    ALERT_MISSING_EXTENSION = 109,

    /* Never on the wire, where an alert has one byte. */
    ALERT_NONE = 256, /* go on */
    ALERT_RECEIVED,   /* the peer has sent a fatal alert: it knows already */
    ALERT_TRANSPORT,  /* the connection below failed: nothing can be sent */
};

enum alert_level { ALERT_LEVEL_WARNING = 1, ALERT_LEVEL_FATAL = 2 };

#endif
