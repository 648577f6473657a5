#include "module.h"

MODULE(dm_mod, "mapped block devices")
