/* A shared library that is no callout. */
int somebody_elses(void);

int somebody_elses(void)
{
    return 0;
}
