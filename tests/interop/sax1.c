/*
 * For clients of libxml2's older interface (SAX1) on Debian 12: the library's 2.9.14 is patched so that a handler marked for
 * SAX2 without the callbacks of SAX2 is never called. pidgin-sipe marks its handler so, and takes every document for empty.
 * Loaded before it (LD_PRELOAD), this says of such a handler what it is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libxml/parser.h>

typedef int parse_fn(xmlSAXHandlerPtr, void *, const char *, int);

int xmlSAXUserParseMemory(xmlSAXHandlerPtr sax, void *user_data, const char *text, int size)
{
    static parse_fn *parse;
    if (parse == NULL)
        parse = (parse_fn *)dlsym(RTLD_NEXT, "xmlSAXUserParseMemory");
    if (sax != NULL && sax->startElement != NULL && sax->startElementNs == NULL)
        sax->initialized = 1;
    return parse(sax, user_data, text, size);
}
