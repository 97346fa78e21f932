#ifndef CREDENTIALS_MAKE_H
#define CREDENTIALS_MAKE_H

/*
 * credentials_make.h - a key and a certificate for whoever has none.
 * TUTORIAL.md, chapter 6.7.
 */

#include <stdbool.h>
#include <stddef.h>

/*
 * See to it that both files are there: if neither is, make a key (mode 0600)
 * and a self-signed certificate (mode 0644) for names[0..names_count), as
 * self_signed_certificate() takes them. No file that is there is touched.
 *
 * False if just one of them is there, or if they can't be made; then nothing
 * that this call has made is left, and error[0..error_size) has one line that
 * says why.
 */
bool credentials_make(const char *chain_path, const char *key_path,
                      const char *const *names, size_t names_count, char *error,
                      size_t error_size);

#endif
