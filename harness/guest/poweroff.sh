#!/bin/sh
# What the test driver's shutdown() types. There is no service manager to ask, so: write, then off.
sync
exec busybox poweroff -f
