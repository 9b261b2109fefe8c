package manual

import (
	"fmt"
	"strings"
)

// fishHead finds the command that the words before the cursor name; %s are the
// paths of all.
const fishHead = `# fish completion for cusp; written by: cusp completion fish
function __cusp_at --description 'whether the command is the given one'
	set -l paths %s
	set -l path ''
	for word in (commandline -opc)[2..-1]
		set -l next (string trim -- "$path $word")
		contains -- $next $paths; and set path $next
	end
	test "$path" = "$argv[1]"
end

complete -c cusp -f
`

// Fish is the completion for fish 3 and later.
func Fish(root *Command) string {
	var b strings.Builder
	var paths []string
	for _, c := range root.all()[1:] {
		paths = append(paths, fishQuote(c.name()))
	}
	fmt.Fprintf(&b, fishHead, strings.Join(paths, " "))
	for _, c := range root.all() {
		at := fmt.Sprintf("complete -c cusp -n %s", fishQuote("__cusp_at "+fishQuote(c.name())))
		for _, child := range c.Commands {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", at, child.last(), fishQuote(sentence(child.Help)))
		}
		for _, f := range c.options() {
			fmt.Fprintf(&b, "%s -l %s%s%s -d %s\n", at, f.Name, fishShort(f), fishValue(f.Takes, f.Words), fishQuote(sentence(f.Help)))
		}
		for _, a := range c.Args {
			if a.Takes != Text {
				fmt.Fprintf(&b, "%s%s\n", at, fishArgument(a))
			}
		}
	}
	return b.String()
}

func fishShort(f Flag) string {
	if f.Short == "" {
		return ""
	}
	return " -s " + f.Short
}

func fishValue(takes Kind, words []string) string {
	switch takes {
	case Nothing:
		return ""
	case Word:
		return " -x -a " + fishQuote(strings.Join(words, " "))
	case File:
		return " -r -F"
	case Directory:
		return " -x -a '(__fish_complete_directories)'"
	}
	return " -x"
}

func fishArgument(a Argument) string {
	switch a.Takes {
	case Word:
		return " -a " + fishQuote(strings.Join(a.Words, " "))
	case Directory:
		return " -a '(__fish_complete_directories)'"
	}
	return " -F"
}

// fishQuote makes one word of a text.
func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
