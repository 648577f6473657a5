/* The checksums of zlib, under zlib's names. */
#ifndef ZLIB_H
#define ZLIB_H

#define ZLIB_VERSION "1.3.1"

const char *zlibVersion(void);
unsigned long adler32(unsigned long adler, const unsigned char *data, unsigned length);
unsigned long crc32(unsigned long crc, const unsigned char *data, unsigned length);

#endif
