package manual

import (
	"fmt"
	"strings"
)

// bashScript walks the words up to the cursor to find the command, then offers
// values of the flag before it, flags, commands, or files. The tables are put in
// for %s: paths of commands; values of flags; flags, commands and files by path.
const bashScript = `# bash completion for cusp; written by: cusp completion bash
_cusp() {
	local cur=${COMP_WORDS[COMP_CWORD]} flag="" path="" word i
	COMPREPLY=()
	(( COMP_CWORD > 0 )) && flag=${COMP_WORDS[COMP_CWORD-1]}
	# --flag=value is three words here.
	if [[ $cur == "=" ]]; then
		cur=""
	elif [[ $flag == "=" ]]; then
		flag=${COMP_WORDS[COMP_CWORD-2]}
	fi

	# 1. The command.
	for (( i = 1; i < COMP_CWORD; i++ )); do
		word=${path:+$path }${COMP_WORDS[i]}
		case $word in
		%s) path=$word ;;
		esac
	done

	# 2. The value of a flag.
	case "$path $flag" in
%s	esac

	# 3. Flags, commands, files.
	local flags="" words="" files=""
	case $path in
%s	esac
	if [[ $cur == -* ]]; then
		_cusp_words "$flags"
	elif [[ -n $words ]]; then
		_cusp_words "$words"
	elif [[ -n $files ]]; then
		_cusp_files "$files"
	fi
}

_cusp_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_cusp_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

complete -F _cusp cusp
`

// Bash is the completion for bash 4 and later; it needs no other package.
func Bash(root *Command) string {
	var paths []string
	var values, lists strings.Builder
	for _, c := range root.all() {
		if len(c.Path) > 0 {
			paths = append(paths, quote(c.name()))
		}
		for _, f := range c.options() {
			bashValue(&values, c, f)
		}
		bashLists(&lists, c)
	}
	return fmt.Sprintf(bashScript, strings.Join(paths, "|"), &values, &lists)
}

func bashValue(out *strings.Builder, c *Command, f Flag) {
	if f.Takes == Nothing {
		return
	}
	pattern := quote(c.name() + " --" + f.Name)
	if f.Short != "" {
		pattern += "|" + quote(c.name()+" -"+f.Short)
	}
	action := "return"
	switch f.Takes {
	case Word:
		action = "_cusp_words " + quote(strings.Join(f.Words, " ")) + "; return"
	case File:
		action = "_cusp_files -f; return"
	case Directory:
		action = "_cusp_files -d; return"
	}
	fmt.Fprintf(out, "\t%s) %s ;;\n", pattern, action)
}

func bashLists(out *strings.Builder, c *Command) {
	var flags, words []string
	for _, f := range c.options() {
		flags = append(flags, "--"+f.Name)
		if f.Short != "" {
			flags = append(flags, "-"+f.Short)
		}
	}
	for _, child := range c.Commands {
		words = append(words, child.last())
	}
	files := ""
	for _, a := range c.Args {
		switch a.Takes {
		case Word:
			words = append(words, a.Words...)
		case File:
			files = "-f"
		case Directory:
			files = "-d"
		}
	}
	fmt.Fprintf(out, "\t%s) flags=%s words=%s files=%s ;;\n", quote(c.name()), quote(strings.Join(flags, " ")), quote(strings.Join(words, " ")), quote(files))
}

// quote makes one word of a text for a shell that knows POSIX's quotes.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
