/*
 * show.c - text that is safe to look at.
 *
 * A terminal obeys what is printed on it: an escape sequence in a subject can
 * clear the screen, change its title, or answer for the person in front of it.
 * TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "show.h"
#include "utf8.h"

void show_text(FILE *out, struct slice text)
{
    while (text.size > 0) {
        bool valid;
        size_t length = utf8_length(text.data, text.size, &valid);

        if (text.data[0] == '\t')
            fputc(' ', out);
        else if (valid && !utf8_is_harmful(text.data, length))
            fwrite(text.data, 1, length, out);
        else
            for (size_t i = 0; i < length; i++)
                fprintf(out, "\\x%02x", text.data[i]);
        text = slice_from(text, length);
    }
}
