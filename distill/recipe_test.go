package distill

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOurRecipes(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("recipes/*.toml")
	if len(files) < 3 {
		t.Fatalf("found only %q", files)
	}
	for _, file := range files {
		if _, err := ReadRecipe(file); err != nil {
			t.Error(err)
		}
	}
}

func TestBadRecipes(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("recipes/tiny.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, from, to, want string }{
		{"unknown key", "steps = 120", "stepps = 120", "unknown key train.stepps"},
		{"its line", "seed = 1\n", "seed = 1\nsede = 2\n", ":6: unknown key sede"},
		{"unknown table", "[vocab]", "[vocabulary]", "unknown key vocabulary"},
		{"wrong type", "steps = 120", `steps = "many"`, "steps"},
		{"no name", `name = "cusp-tiny"`, "", "name is missing"},
		{"bad shape", "heads = 2", "heads = 3", "Heads"},
		{"bad option", "lr = 8e-3", "lr = 0.0", "LR"},
		{"odd width", "dim = 32", "dim = 48", "multiples of 32"},
		{"two teachers", "[model]", "[teacher]\nbundle = \"a\"\nrecipe = \"b\"\n[model]", "one is enough"},
		{"no candidates", "[model]", "[teacher]\nbundle = \"a\"\n[model]", "top_k"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(string(good), c.from, c.to, 1)
			if text == string(good) {
				t.Fatalf("%q is not in the recipe", c.from)
			}
			file := filepath.Join(t.TempDir(), "r.toml")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadRecipe(file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
