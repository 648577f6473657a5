/* make-initrd NAME=FILE... > ARCHIVE
 *
 * Writes a cpio archive in the "newc" format (kernel, Documentation/driver-api/early-userspace)
 * that holds each FILE as NAME. Nothing but names, modes and contents goes in, so that the same
 * files give the same archive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static unsigned inode;

static void pad(long length)
{
    while (length++ % 4) putchar(0);
}

static void put_header(const char *name, unsigned mode, long size)
{
    int length = strlen(name) + 1;

    printf("070701%08X%08X%08X%08X%08X%08X%08lX%08X%08X%08X%08X%08X%08X", ++inode, mode, 0, 0, 1, 1,
           size, 0, 0, 0, 0, length, 0);
    fwrite(name, 1, length, stdout);
    pad(110 + length);
}

static int put_file(const char *name, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    long left;

    if (!file || stat(path, &status)) {
        perror(path);
        return 1;
    }
    put_header(name, S_IFREG | (status.st_mode & 0555), status.st_size);
    for (left = status.st_size; left > 0; left--) putchar(getc(file));
    pad(status.st_size);
    fclose(file);
    return 0;
}

int main(int count, char **words)
{
    for (int word = 1; word < count; word++) {
        char *equals = strchr(words[word], '=');

        if (!equals) {
            fprintf(stderr, "usage: make-initrd NAME=FILE... > ARCHIVE\n");
            return 2;
        }
        *equals = 0;
        if (put_file(words[word], equals + 1)) return 1;
    }
    put_header("TRAILER!!!", 0, 0);
    return fflush(stdout) ? 1 : 0;
}
