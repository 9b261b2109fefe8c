package manual

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// definitions have one of everything.
type definitions struct {
	Group struct {
		Run struct {
			In    string   `arg:"" type:"path" help:"What is read."`
			Dir   string   `arg:"" type:"existingdir" optional:"" help:"Where it is."`
			Kind  string   `enum:"a,b" default:"a" help:"It's [one] of: a, b."`
			Guess string   `complete:"x,y" help:"Any."`
			Out   string   `short:"o" type:"path" placeholder:"FILE" help:"Where it goes. Or not."`
			Many  []string `help:"Several."`
			Quiet bool     `short:"q" help:"Say less."`
			Dark  bool     `hidden:"" help:"Nobody sees this."`
		} `cmd:"" help:"Run it. At once."`
		Stop struct{} `cmd:"" help:"Stop it."`
	} `cmd:"" help:"What can be done."`
	Deep struct {
		Down struct {
			Level int `help:"How far."`
		} `cmd:"" default:"withargs" help:"Go down."`
	} `cmd:"" help:"Depths."`
}

func (definitions) Help() string {
	return "A program:\n\n  tool --x=-1  # it's \\n\n  .hidden\n\n'Quoted' and -x."
}

func tree(t *testing.T) *Command {
	t.Helper()
	k, err := kong.New(&definitions{}, kong.Name("cusp"), kong.Description("A test."))
	if err != nil {
		t.Fatal(err)
	}
	return Of(k.Model)
}

func TestOf(t *testing.T) {
	t.Parallel()
	var names []string
	root := tree(t)
	for _, c := range root.all() {
		names = append(names, c.name())
	}
	if got := strings.Join(names, "|"); got != "|group|group run|group stop|deep|deep down" {
		t.Errorf("commands %s", got)
	}
	run := root.Commands[0].Commands[0]
	kinds := map[string]Kind{"kind": Word, "guess": Word, "out": File, "many": Text, "quiet": Nothing}
	if len(run.Flags) != len(kinds) {
		t.Errorf("flags %+v", run.Flags)
	}
	for _, f := range run.Flags {
		if f.Takes != kinds[f.Name] || f.Repeats != (f.Name == "many") {
			t.Errorf("flag %+v", f)
		}
	}
	if a := run.Args; len(a) != 2 || a[0].Takes != File || a[1].Takes != Directory || !a[1].Optional || a[0].Optional {
		t.Errorf("arguments %+v", a)
	}
	if deep := root.Commands[1]; len(deep.Flags) != 1 || deep.Flags[0].Name != "level" {
		t.Errorf("the default command's flags are not those of its group: %+v", deep.Flags)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for shell, want := range map[string][]string{
		"bash": {"'group run --kind') _cusp_words 'a b'; return", "'group run --out'|'group run -o') _cusp_files -f", "'group') flags='--help -h' words='run stop'", "files='-d'"},
		"zsh":  {`'--kind=[It'\''s \[one\] of\: a, b]:value:(a b)'`, `'(-o --out)'{'-o+','--out='}'[Where it goes]:value:_files'`, "'*--many=[Several]:value: '", "'::dir:_files -/'", "'run:Run it'"},
		"fish": {`__cusp_at \'group run\'' -l kind -x -a 'a b' -d 'It\'s [one] of: a, b'`, "-l out -s o -r -F", "-a '(__fish_complete_directories)'"},
	} {
		script, ok := Completion(tree(t), shell)
		if !ok {
			t.Errorf("no completion for %s", shell)
		}
		for _, w := range want {
			if !strings.Contains(script, w) {
				t.Errorf("%s: no %s in\n%s", shell, w, script)
			}
		}
		if strings.Contains(script, "dark") || strings.Contains(script, "%!") {
			t.Errorf("%s:\n%s", shell, script)
		}
	}
	if _, ok := Completion(tree(t), "csh"); ok {
		t.Error("a completion for csh")
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	config := "# The file.\n#\n# More of it.\n\n[a.b]\n# What it\n# does.\n# key = \"v-1\"\n\n# two = 2\n# more = 3\n"
	pages, err := Pages(tree(t), About{Version: "1.0", Time: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC), Config: []byte(config)})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"cusp.1":       {`.TH CUSP 1 2026-11-29 "cusp 1.0" Cusp`, ".nf\ntool \\-\\-x=\\-1  # it's \\en\n\\&.hidden\n.fi", "\\&'Quoted' and \\-x.", `\fBcusp\-group\fR(1)`},
		"cusp-group.1": {".SH \"cusp group run\"\n", ".SS \"Options\"", "\\fB\\-o\\fR, \\fB\\-\\-out\\fR=\\fIFILE\\fR\nWhere it goes. Or not.\n", "group \\- what can be done\n"},
		"cusp-deep.1":  {".SH \"SEE ALSO\"\n\\fBcusp\\fR(1),\n\\fBcusp\\-group\\fR(1),\n\\fBcusp.toml\\fR(5)\n"},
		"cusp.toml.5":  {"The file.\n.PP\nMore of it.\n.SH \"[a.b]\"\n\\fBkey\\fR = \"v\\-1\"\n.RS 4\nWhat it does.\n.RE\n.PP\n\\fBtwo\\fR = 2\n.br\n\\fBmore\\fR = 3\n"},
	} {
		for _, w := range want {
			if !strings.Contains(pages[name], w) {
				t.Errorf("%s: no %q in\n%s", name, w, pages[name])
			}
		}
		if strings.Contains(pages[name], "dark") {
			t.Errorf("%s shows what is hidden", name)
		}
	}
	if _, err := Pages(tree(t), About{Config: []byte("key = 1\n")}); err == nil || !strings.Contains(err.Error(), "key = 1") {
		t.Errorf("a file that is not documented: %v", err)
	}
}
