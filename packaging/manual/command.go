// Package manual writes what others need to know of the command line, from the
// definitions that the parser itself uses: completions for shells, man pages of
// the commands, and the page of the configuration file.
//
// It is our own since the libraries for kong either start the program at every
// press of Tab or write one page for everything. What it writes depends on the
// definitions alone: no completion asks the program or the network.
package manual

import (
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Command is a command or, with Commands, a group of them; the program itself is
// the root.
type Command struct {
	Path     []string // names from below the root
	Help     string   // a line
	Detail   string   // paragraphs; lines that begin with two spaces are examples
	Usage    string   // without the program's name
	Flags    []Flag
	Args     []Argument
	Commands []*Command
}

// Flag is an option.
type Flag struct {
	Name    string // without dashes
	Short   string // one letter, or empty
	Help    string
	Holder  string // what the value is called
	Takes   Kind
	Words   []string // the values that there are
	Repeats bool
}

// Argument is what has no name on the command line.
type Argument struct {
	Name     string
	Help     string
	Takes    Kind
	Words    []string
	Repeats  bool
	Optional bool
}

// Kind is what a value is, as far as a shell can complete it.
type Kind int

// Kinds of values.
const (
	Nothing   Kind = iota // a switch
	Text                  // which only the user knows
	Word                  // one of a few
	File                  // or a directory
	Directory             // nothing else
)

// Of reads a program's commands off its parser. A field's tag "complete" lists
// values that are offered where others are possible too.
func Of(app *kong.Application) *Command { return command(app.Node, nil) }

func command(n *kong.Node, path []string) *Command {
	c := &Command{Path: path, Help: n.Help, Detail: n.Detail, Usage: strings.TrimSpace(n.Summary())}
	for _, f := range n.Flags {
		if !f.Hidden {
			c.Flags = append(c.Flags, flag(f))
		}
	}
	if d := n.DefaultCmd; d != nil { // its flags need no name before them
		for _, f := range d.Flags {
			c.Flags = append(c.Flags, flag(f))
		}
	}
	for _, a := range n.Positional {
		takes, words := kind(a)
		c.Args = append(c.Args, Argument{a.Name, a.Help, takes, words, a.IsCumulative(), !a.Required})
	}
	for _, child := range n.Children {
		if !child.Hidden {
			c.Commands = append(c.Commands, command(child, append(slices.Clone(path), child.Name)))
		}
	}
	return c
}

func flag(f *kong.Flag) Flag {
	out := Flag{Name: f.Name, Help: f.Help, Repeats: f.IsCumulative()}
	if f.Short != 0 {
		out.Short = string(f.Short)
	}
	if f.IsBool() {
		return out
	}
	out.Holder = f.FormatPlaceHolder()
	out.Takes, out.Words = kind(f.Value)
	return out
}

func kind(v *kong.Value) (Kind, []string) {
	switch {
	case v.Enum != "":
		return Word, v.EnumSlice()
	case v.Tag.Has("complete"):
		return Word, strings.Split(v.Tag.Get("complete"), ",")
	case v.Tag.Type == "existingdir":
		return Directory, nil
	case v.Tag.Type == "path" || v.Tag.Type == "existingfile":
		return File, nil
	}
	return Text, nil
}

// all are the command and those below it, groups before what is in them.
func (c *Command) all() []*Command {
	list := []*Command{c}
	for _, child := range c.Commands {
		list = append(list, child.all()...)
	}
	return list
}

// name is the path as it is typed.
func (c *Command) name() string { return strings.Join(c.Path, " ") }

// last is the last word of the path.
func (c *Command) last() string { return c.Path[len(c.Path)-1] }

// help is the flag that every command takes.
var help = Flag{Name: "help", Short: "h", Help: "Show how it is used."}

// options are the flags of a command, help among them.
func (c *Command) options() []Flag {
	if len(c.Path) == 0 { // has it
		return c.Flags
	}
	return append([]Flag{help}, c.Flags...)
}

// shells are those that completions can be written for.
var shells = map[string]func(*Command) string{"bash": Bash, "zsh": Zsh, "fish": Fish}

// Shells are the names that Completion takes.
func Shells() []string { return slices.Sorted(maps.Keys(shells)) }

// Completion is the script for a shell; false if there is none.
func Completion(c *Command, shell string) (string, bool) {
	write, known := shells[shell]
	if !known {
		return "", false
	}
	return write(c), true
}

// sentence is the first one of a help text, without its full stop, for lists.
func sentence(text string) string {
	head, _, _ := strings.Cut(text, ". ")
	return strings.TrimSuffix(head, ".")
}
