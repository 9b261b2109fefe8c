// Package jinja renders the Jinja templates that models bring along, as Hugging
// Face's apply_chat_template does: trim_blocks and lstrip_blocks on, loop
// controls, no autoescape, tojson like Python's json.dumps with ensure_ascii
// off, and generation blocks, which mean nothing. Values are Python's: how they
// print, compare, divide and slice. As in the immutable sandbox that Hugging
// Face uses, a template changes namespaces and nothing else.
//
// A template is code from a file, so it runs confined. It reads no files and no
// other templates (include, import, extends and block do not exist), and it has
// bounds on its size, nesting, steps, time, memory and output; see the constants
// in budget.go. Each bound holds within a single expression too: an operation
// pays for its result before it makes it. A template that does not parse, fails
// or exceeds a bound is an error, never a panic.
//
// A text remembers which of its bytes came from outside, from a message or a
// tool's description, and which the template wrote, through every operation; see
// [Text]. A caller can so keep the words of users from becoming structure
// without a template noticing.
//
// The grammar and the behaviour follow the Jinja 3.1 documentation
// (https://jinja.palletsprojects.com/en/stable/templates/). Not there: line
// statements, i18n, and the filters pprint, random, urlize, wordwrap, xmlattr,
// striptags and filesizeformat.
package jinja
