package privacy

import (
	"regexp"
	"strings"
)

// assignment is what follows a word for a secret, with the value: "password: x",
// "the PIN is 1234", "密码是x".
var assignment = regexp.MustCompile(`^["'` + "`" + `]?\s{0,2}(is now|is|was|to|为|是|改成|改为|设为|设成|设置为|[:=]{1,2}>?)\s{0,2}(["'` + "`" + `]?)([!-~]{3,256})`)

// findPasswords finds values that are called secret. After a word such as "is" the
// value must not look like one of the language.
func findPasswords(p *page) {
	p.each(markSecret|markKey, func(m mark) {
		if m.kinds&markSecret == 0 && !secretBefore[p.wordBefore(m.i)] {
			return
		}
		n := assignment.FindStringSubmatchIndex(p.window(m.j, valueWindow))
		if n == nil {
			return
		}
		i, j := m.j+n[6], m.j+n[7]
		quoted := n[4] < n[5]
		if quoted {
			j = closing(p.s, i, j, p.s[m.j+n[4]])
		} else {
			j = i + len(unquoted(p.s[i:j]))
		}
		sign := strings.ContainsAny(p.s[m.j+n[2]:m.j+n[3]], ":=")
		if v := p.s[i:j]; len(v) >= 3 && !placeholderValue(v) && (quoted || sign && !prose(v) || strange(v)) {
			p.add(Secret, i, j)
		}
	})
}

// secretBefore are the words before "key" or "code" that make it a secret.
var secretBefore = set("api access secret private wifi wpa encryption pin auth security license master recovery verification")

// closing is where the quotation mark is that ends the value at i, on the same line;
// without one the value ends at j.
func closing(s string, i, j int, mark byte) int {
	for k := i; k < len(s) && k-i < 256 && s[k] != '\n'; k++ {
		switch s[k] {
		case '\\':
			k++
		case mark:
			return k
		}
	}
	return j
}

// unquoted is a value up to a separator, without the marks that end a sentence.
func unquoted(v string) string {
	if k := strings.IndexAny(v, "\"'`,;<>"); k >= 0 {
		v = v[:k]
	}
	return strings.TrimRight(v, ".?)]}")
}

// strange is what no word of a language looks like: it has a digit, a mark or a
// capital letter behind a small one.
func strange(v string) bool {
	for i := range len(v) {
		if !alpha(v[i]) && v[i] != '-' && v[i] != '\'' || i > 0 && upper(v[i]) && lower(v[i-1]) {
			return true
		}
	}
	return false
}

// prose is the beginning of a remark, not a value.
func prose(v string) bool {
	switch strings.ToLower(v) {
	case "required", "optional", "none", "null", "nil", "true", "false", "string", "the", "your", "see", "and", "for", "not", "how", "what",
		"must", "should", "new", "use", "please", "enter", "reset", "forgot", "wrong", "incorrect", "invalid", "missing", "unknown", "expired", "changed", "this", "that", "str", "int", "bool":
		return true
	}
	return false
}

// placeholderValue is a value that stands for another.
func placeholderValue(v string) bool {
	if strings.Trim(v, "*xX.•-_") == "" || strings.HasPrefix(strings.ToLower(v), "your") {
		return true
	}
	for _, begins := range []string{"$", "{{", "%(", "<"} {
		if strings.HasPrefix(v, begins) {
			return true
		}
	}
	for _, code := range []string{"environ", "getenv", "process.env", "${"} { // of programs
		if strings.Contains(v, code) {
			return true
		}
	}
	return strings.HasSuffix(v, "(") || strings.HasSuffix(v, "[") || strings.HasSuffix(v, "({")
}
