/* show.h - text that is safe to look at. TUTORIAL.md, chapter 4. */
#ifndef SHOW_H
#define SHOW_H

#include "slice.h"

#include <stdio.h>

/* Print text, which a stranger wrote, with all that a terminal would obey and
 * all that is not UTF-8 shown as \xNN. A tab is shown as a blank. */
void show_text(FILE *out, struct slice text);

#endif
