package manual

import (
	"fmt"
	"strings"
	"time"
)

// About is what the pages say that the commands do not.
type About struct {
	Version string
	Time    time.Time
	Config  []byte // the documented configuration file
}

// Pages are the manual pages by file name: cusp.1, one for each command or group,
// and cusp.toml.5.
func Pages(root *Command, a About) (map[string]string, error) {
	pages := map[string]string{"cusp.1": overview(root, a)}
	for _, c := range root.Commands {
		pages["cusp-"+c.last()+".1"] = commandPage(root, c, a)
	}
	config, err := configPage(a)
	if err != nil {
		return nil, err
	}
	pages["cusp.toml.5"] = config
	return pages, nil
}

// file and variable are what the overview lists.
type listed struct{ name, about string }

var files = []listed{
	{"/etc/cusp/cusp.toml", "Configuration of the packaged service; see cusp.toml(5). Other users have theirs in ~/.config/cusp/cusp.toml."},
	{"/etc/cusp/keys", "Public keys of model makers that are trusted."},
	{"/var/lib/cusp", "Records, questions on their way to the cloud, and below models the installed models. Other users have theirs in ~/.local/state/cusp."},
	{"/run/cusp/cusp.sock", "Socket that answers. Members of the group cusp may ask."},
}

var environment = []listed{
	{"CUSP_SOCKET", "Socket of the daemon, in place of the default."},
	{"CUSP_KEY_PASSWORD, CUSP_KEY_PASSWORD_FILE", "Password of a private key, or a file with it."},
	{"SOURCE_DATE_EPOCH", "Time in packages and pages, in seconds since 1970."},
	{"NO_COLOR", "Set to anything: no colours."},
	{"XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR", "Where the files of users other than root lie."},
}

func overview(root *Command, a About) string {
	p := newPage("cusp", 1, "a small language model on the device, a large one behind it", a.Version, a.Time)
	p.section("Synopsis")
	fmt.Fprintf(p, "%s %s [%s ...]\n", bold("cusp"), italic("command"), italic("flags"))
	p.section("Description")
	p.text(root.Help)
	p.detail(root)
	p.section("Commands")
	for _, c := range root.Commands {
		p.item(bold("cusp-"+c.last())+"(1)", c.Help)
	}
	p.section("Files")
	for _, f := range files {
		p.item(italic(f.name), f.about)
	}
	p.section("Environment")
	for _, v := range environment {
		p.item(bold(v.name), v.about)
	}
	p.section("Exit status")
	p.item("0", "It was done.")
	p.item("1", "It failed; standard error says why.")
	p.item("2", "The command line cannot be understood.")
	p.section("See also")
	p.seeAlso(root, nil)
	return p.String()
}

// seeAlso names the other pages.
func (p *page) seeAlso(root, but *Command) {
	var all []string
	if but != nil {
		all = append(all, bold("cusp")+"(1)")
	}
	for _, c := range root.Commands {
		if c != but {
			all = append(all, bold("cusp-"+c.last())+"(1)")
		}
	}
	all = append(all, bold("cusp.toml")+"(5)")
	p.WriteString(strings.Join(all, ",\n") + "\n")
}

func commandPage(root, c *Command, a About) string {
	name := "cusp-" + c.last()
	about := sentence(c.Help)
	p := newPage(name, 1, strings.ToLower(about[:1])+about[1:], a.Version, a.Time)
	p.section("Synopsis")
	p.synopsis(c)
	p.section("Description")
	p.text(c.Help)
	p.detail(c)
	p.parts(c, p.section)
	for _, child := range c.Commands {
		p.title("SH", "cusp "+child.name())
		p.text(child.Help)
		p.detail(child)
		p.parts(child, p.subsection)
	}
	p.section("See also")
	p.seeAlso(root, c)
	return p.String()
}

// synopsis has a line for each command of a group.
func (p *page) synopsis(c *Command) {
	leaves := c.Commands
	if len(leaves) == 0 {
		leaves = []*Command{c}
	}
	for i, leaf := range leaves {
		if i > 0 {
			p.WriteString(".br\n")
		}
		fmt.Fprintf(p, "%s%s\n", bold("cusp "+leaf.name()), roff(strings.TrimPrefix(leaf.Usage, leaf.name())))
	}
}

func (p *page) detail(c *Command) {
	if c.Detail != "" {
		p.text(c.Detail)
	}
}

// parts are arguments and flags of a command, under titles of some rank.
func (p *page) parts(c *Command, title func(string)) {
	if len(c.Commands) > 0 {
		return
	}
	if len(c.Args) > 0 {
		title("Arguments")
		for _, a := range c.Args {
			p.item(italic(a.Name), a.Help)
		}
	}
	title("Options")
	for _, f := range c.options() {
		p.item(flagTag(f), f.Help)
	}
}

func flagTag(f Flag) string {
	tag := bold("--" + f.Name)
	if f.Short != "" {
		tag = bold("-"+f.Short) + ", " + tag
	}
	if f.Takes != Nothing {
		tag += "=" + italic(f.Holder)
	}
	return tag
}
