package deploy

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The rules of EMQX's acl.conf as its own file specifies them (apps/emqx_auth/etc/acl.conf in EMQX 5), as far as
// ours use them: {Permission, Who, Action, [Topic, ...]}. or {Permission, all}.
var (
	emqxRule        = regexp.MustCompile(`^\{(allow|deny), (all|\{username, ("[^"]+"|\{re, "[^"]+"\})\}), (publish|subscribe|all), \[("[^"]+")(, "[^"]+")*\]\}\.$`)
	emqxLast        = regexp.MustCompile(`^\{(allow|deny), all\}\.$`)
	emqxPlaceholder = regexp.MustCompile(`\$\{[^}]*\}`)
)

func TestEMQXRulesAreWellFormed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("emqx/acl.conf")
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "%%") {
			continue
		}
		rules = append(rules, line)
		if !emqxRule.MatchString(line) && !emqxLast.MatchString(line) {
			t.Errorf("line %d is no rule: %s", i+1, line)
		}
		for _, p := range emqxPlaceholder.FindAllString(line, -1) {
			if p != "${username}" {
				t.Errorf("line %d: %s is not filled in", i+1, p)
			}
		}
	}
	if last := rules[len(rules)-1]; last != "{deny, all}." {
		t.Errorf("what no rule names is not denied: %s", last)
	}
	// What mosquitto's rules allow, these do too.
	acl, err := os.ReadFile("mosquitto/cusp.acl")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^(?:topic|pattern) \w+ (\S+)$`).FindAllStringSubmatch(string(acl), -1) {
		if topic := strings.ReplaceAll(m[1], "%u", "${username}"); !strings.Contains(string(text), `"`+topic+`"`) {
			t.Errorf("mosquitto's rules name %s, EMQX's do not", topic)
		}
	}
}
