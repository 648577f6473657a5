/* A module of the pocket kernel: a name, what it says when it is loaded, and its version. */
#define MODULE(name, text)                                                  \
    const char module_##name##_info[] = "name=" #name "\0version=" VERSION; \
    const char *module_##name##_init(void) { return text; }
