/*
 * bench_gmime.c - parse a message with GMime and write its parts to files.
 *
 * The yardstick for bench.py, not part of any step: how much CPU a well-kept
 * parser takes for the same work. Built only where GMime 3 is installed.
 */
#include <fcntl.h>
#include <gmime/gmime.h>
#include <stdio.h>

static int count;

static void write_part(GMimeObject *parent, GMimeObject *part, gpointer dir)
{
    char path[4096];
    GMimeDataWrapper *content;
    GMimeStream *out;

    (void)parent;
    if (!GMIME_IS_PART(part))
        return;
    snprintf(path, sizeof path, "%s/%d", (char *)dir, ++count);
    content = g_mime_part_get_content(GMIME_PART(part));
    out = g_mime_stream_fs_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644, NULL);
    if (content != NULL && out != NULL)
        g_mime_data_wrapper_write_to_stream(content, out);
    if (out != NULL)
        g_object_unref(out);
}

int main(int argc, char **argv)
{
    GMimeStream *in;
    GMimeParser *parser;
    GMimeMessage *message;

    if (argc != 3)
        return 2;
    g_mime_init();
    in = g_mime_stream_fs_open(argv[1], O_RDONLY, 0, NULL);
    if (in == NULL)
        return 1;
    parser = g_mime_parser_new_with_stream(in);
    message = g_mime_parser_construct_message(parser, NULL);
    if (message == NULL)
        return 1;
    g_mime_message_foreach(message, write_part, argv[2]);
    g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(in);
    return 0;
}
