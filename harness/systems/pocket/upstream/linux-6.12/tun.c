#include "module.h"

MODULE(tun, "network tunnels")
