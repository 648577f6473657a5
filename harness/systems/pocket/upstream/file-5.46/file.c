/* file FILE...: what each file is, by its first bytes, and its CRC. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static const struct {
    const char *magic, *meaning;
} kinds[] = {
    {"\177ELF", "ELF executable or library"},
    {"#!", "script"},
    {"070701", "ASCII cpio archive (SVR4 with no CRC)"},
    {"\037\213", "gzip compressed data"},
};

static int describe(const char *path)
{
    unsigned char data[65536];
    FILE *file = fopen(path, "rb");
    const char *meaning = "data";
    unsigned long crc = 0;
    size_t length, head = 0;

    if (!file) {
        perror(path);
        return 1;
    }
    while ((length = fread(data, 1, sizeof data, file))) {
        for (unsigned i = 0; !head && i < sizeof kinds / sizeof *kinds; i++)
            if (length >= strlen(kinds[i].magic) && !memcmp(data, kinds[i].magic, strlen(kinds[i].magic)))
                meaning = kinds[i].meaning;
        head = 1;
        crc = crc32(crc, data, length);
    }
    fclose(file);
    printf("%s: %s, crc32 %08lx\n", path, head ? meaning : "empty", crc);
    return 0;
}

int main(int count, char **words)
{
    int failed = 0;

    if (count == 2 && !strcmp(words[1], "--version"))
        return printf("file-%s\nzlib %s\n", VERSION, zlibVersion()) < 0;
    for (int word = 1; word < count; word++) failed |= describe(words[word]);
    return failed;
}
