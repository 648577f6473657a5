#include "module.h"

MODULE(loop, "a file as a block device")
