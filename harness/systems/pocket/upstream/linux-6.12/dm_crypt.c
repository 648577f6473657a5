#include "module.h"

MODULE(dm_crypt, "encrypted block devices")
