#include "module.h"

MODULE(nbd, "block devices over the network")
