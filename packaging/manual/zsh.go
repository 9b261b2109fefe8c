package manual

import (
	"fmt"
	"strings"
)

// Zsh is the completion for zsh: a function for every command. It can lie in a
// directory of $fpath under the name _cusp, or be sourced.
func Zsh(root *Command) string {
	var b strings.Builder
	b.WriteString("#compdef cusp\n# zsh completion for cusp; written by: cusp completion zsh\n")
	for _, c := range root.all() {
		zshCommand(&b, c)
	}
	b.WriteString(`
if [ "$funcstack[1]" = "_cusp" ]; then
	_cusp "$@"
else
	compdef _cusp cusp
fi
`)
	return b.String()
}

func zshCommand(b *strings.Builder, c *Command) {
	fmt.Fprintf(b, "\n%s() {\n", zshName(c))
	if len(c.Commands) > 0 {
		zshGroup(b, c)
	} else {
		fmt.Fprint(b, "\t_arguments -s -S")
		zshFlags(b, c)
		for _, a := range c.Args {
			fmt.Fprintf(b, " \\\n\t\t%s", quote(zshArgument(a)))
		}
		b.WriteString("\n")
	}
	b.WriteString("}\n")
}

// zshGroup offers commands, and leaves what follows one to its own function.
func zshGroup(b *strings.Builder, c *Command) {
	b.WriteString("\tlocal curcontext=$curcontext state line\n\ttypeset -A opt_args\n\tlocal -a commands\n\tcommands=(\n")
	for _, child := range c.Commands {
		fmt.Fprintf(b, "\t\t%s\n", quote(child.last()+":"+sentence(child.Help)))
	}
	b.WriteString("\t)\n\t_arguments -C -S")
	zshFlags(b, c)
	b.WriteString(" \\\n\t\t'1: :->command' '*:: :->rest'\n\tcase $state in\n\tcommand) _describe command commands ;;\n\trest)\n\t\tcase $words[1] in\n")
	for _, child := range c.Commands {
		fmt.Fprintf(b, "\t\t%s) %s ;;\n", child.last(), zshName(child))
	}
	b.WriteString("\t\tesac ;;\n\tesac\n")
}

func zshName(c *Command) string { return strings.Join(append([]string{"_cusp"}, c.Path...), "_") }

func zshFlags(b *strings.Builder, c *Command) {
	for _, f := range c.options() {
		fmt.Fprintf(b, " \\\n\t\t%s", zshFlag(f))
	}
}

// zshFlag is a specification of _arguments: a long flag, or both forms of one,
// which exclude each other.
func zshFlag(f Flag) string {
	value, equals := zshValue(f.Takes, f.Words, "value"), ""
	if f.Takes != Nothing {
		equals, value = "=", ":"+value
	}
	about := "[" + zshText(sentence(f.Help)) + "]" + value
	star := ""
	if f.Repeats {
		star = "*"
	}
	if f.Short == "" {
		return quote(star + "--" + f.Name + equals + about)
	}
	short := "-" + f.Short
	if equals != "" {
		short += "+"
	}
	exclude := ""
	if !f.Repeats {
		exclude = fmt.Sprintf("(-%s --%s)", f.Short, f.Name)
	}
	return fmt.Sprintf("%s{%s,%s}%s", quote(exclude+star), quote(short), quote("--"+f.Name+equals), quote(about))
}

func zshArgument(a Argument) string {
	value := zshValue(a.Takes, a.Words, a.Name)
	switch {
	case a.Repeats:
		return "*:" + value
	case a.Optional:
		return "::" + value
	}
	return ":" + value
}

// zshValue is a message and an action.
func zshValue(takes Kind, words []string, name string) string {
	switch takes {
	case Nothing:
		return ""
	case Word:
		return zshText(name) + ":(" + strings.Join(words, " ") + ")"
	case File:
		return zshText(name) + ":_files"
	case Directory:
		return zshText(name) + ":_files -/"
	}
	return zshText(name) + ": "
}

// zshText escapes what ends a part of a specification.
func zshText(text string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(text)
}
