/* Stands for the kernel in the boot files; the machine itself runs another one. */
#include <stdio.h>

int main(void)
{
    printf("pocket kernel %s\n", VERSION);
    return 0;
}
