#include "zlib.h"

const char *zlibVersion(void)
{
    return ZLIB_VERSION;
}

unsigned long adler32(unsigned long adler, const unsigned char *data, unsigned length)
{
    unsigned long low = adler & 0xffff, high = adler >> 16;

    while (length--) {
        low = (low + *data++) % 65521;
        high = (high + low) % 65521;
    }
    return high << 16 | low;
}

unsigned long crc32(unsigned long crc, const unsigned char *data, unsigned length)
{
    crc ^= 0xffffffff;
    while (length--) {
        crc ^= *data++;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return crc ^ 0xffffffff;
}
