package privacy

import (
	"math"
	"regexp"
	"strings"
)

// keyPrefix has the beginnings of well-known keys and tokens, and how many
// characters of the rest there are at least. They are published by their makers.
var keyPrefix = []struct {
	prefix string
	least  int
}{
	{"sk-", 20}, {"sk_live_", 16}, {"sk_test_", 16}, {"pk_live_", 16}, {"rk_live_", 16}, {"whsec_", 16}, {"shpat_", 20}, // OpenAI and others, Stripe, Shopify
	{"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 30}, {"glpat-", 16}, {"ATATT3", 30}, // GitHub, GitLab, Atlassian
	{"xoxa-", 12}, {"xoxb-", 12}, {"xoxp-", 12}, {"xoxr-", 12}, {"xoxs-", 12}, {"xapp-", 12}, // Slack
	{"AKIA", 16}, {"ASIA", 16}, {"AIza", 30}, {"ya29.", 20}, {"LTAI", 12}, {"AKID", 28}, // AWS, Google, Alibaba, Tencent
	{"hf_", 30}, {"gsk_", 30}, {"r8_", 30}, {"xai-", 30}, {"npm_", 30}, {"pypi-", 30}, {"dckr_pat_", 20}, {"dop_v1_", 40}, {"tskey-", 16},
	{"SG.", 30}, {"hvs.", 20}, {"glsa_", 20}, {"lin_api_", 30}, {"AGE-SECRET-KEY-1", 40}, {"sq0atp-", 20}, {"eyJ", 17},
}

func keyByte(c byte) bool { return alnum(c) || c == '_' || c == '-' || c == '.' }

// findKeys finds private keys in PEM, keys and tokens by their prefixes, bearer
// tokens, and passwords in URLs.
func findKeys(p *page) {
	findPEM(p)
	p.each(markBearer, func(m mark) {
		if n := authorization.FindStringSubmatchIndex(p.window(m.i, valueWindow)); n != nil {
			p.add(Secret, m.i+n[2], m.i+n[3])
		}
	})
	findURLs(p)
	findBots(p)
	for i := 0; i < len(p.s); i++ {
		if !alpha(p.s[i]) || word(p.before(i)) {
			continue
		}
		for _, k := range keyPrefix {
			if strings.HasPrefix(p.s[i:], k.prefix) {
				j := p.run(i, keyByte)
				for j > i && p.s[j-1] == '.' {
					j--
				}
				if j-i >= len(k.prefix)+k.least && strings.ContainsAny(p.s[i+len(k.prefix):j], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
					p.add(Secret, i, j)
				}
				i = j - 1
				break
			}
		}
	}
}

var (
	authorization = regexp.MustCompile(`(?i)^(?:bearer|basic|authorization:\s?\w{1,16})\s([a-z0-9._~+/-]{16,}={0,2})`)
	urlPassword   = regexp.MustCompile(`^://[^\s:/@]{0,128}:([^\s@/]{1,256})@`)
)

// valueWindow holds a word with the value behind it.
const valueWindow = 400

// findURLs finds passwords in URLs: scheme://user:password@host.
func findURLs(p *page) {
	for i := 0; p.err == nil; i += 3 {
		k := strings.Index(p.s[i:], "://")
		if k < 0 {
			return
		}
		i += k
		if n := urlPassword.FindStringSubmatchIndex(p.window(i, valueWindow)); n != nil && !placeholderValue(p.s[i+n[2]:i+n[3]]) {
			p.add(Secret, i+n[2], i+n[3])
		}
	}
}

// findBots finds tokens of Telegram's bots: 8 to 10 digits, a colon, 35 characters.
func findBots(p *page) {
	for i := 0; ; i++ {
		k := strings.IndexByte(p.s[i:], ':')
		if k < 0 {
			return
		}
		i += k
		from := i
		for from > 0 && i-from <= 10 && digit(p.s[from-1]) {
			from--
		}
		if n := i - from; n < 8 || n > 10 || word(p.before(from)) {
			continue
		}
		if j := p.run(i+1, func(c byte) bool { return word(c) || c == '-' }); j-i-1 == 35 {
			p.add(Secret, from, j)
		}
	}
}

// findPEM finds private keys (RFC 7468). One without an end goes on to the end of
// the text.
func findPEM(p *page) {
	for i := 0; ; {
		k := strings.Index(p.s[i:], "-----BEGIN ")
		if k < 0 {
			return
		}
		i += k
		head := p.s[i:min(len(p.s), i+64)]
		end := strings.Index(p.s[i:], "-----END ")
		if end < 0 {
			end = len(p.s)
		} else {
			end += i + len("-----END ")
			if close := strings.Index(p.s[end:min(len(p.s), end+64)], "-----"); close >= 0 {
				end += close + len("-----")
			}
		}
		if strings.Contains(head, "PRIVATE KEY") {
			p.add(Secret, i, end)
		}
		i = end
	}
}

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

// Bounds of a random token: base64 or base62 of 15 bytes and more; very long ones
// are data.
const (
	minToken   = 20
	maxToken   = 512
	minEntropy = 3.6 // bits a character; 20 different ones would have 4.3
)

func tokenByte(c byte) bool {
	return alnum(c) || c == '+' || c == '/' || c == '_' || c == '-'
}

// findEntropy finds tokens that look random: small and capital letters and digits
// that change places often, as in no name or path.
func findEntropy(p *page) {
	for i := 0; i < len(p.s); i++ {
		if !tokenByte(p.s[i]) {
			continue
		}
		j := p.run(i, tokenByte)
		if strings.IndexByte("./:", p.before(i)) >= 0 { // of a URL or a path, which has parts
			j = p.run(i, func(c byte) bool { return tokenByte(c) && c != '/' })
		}
		if n := j - i; n >= minToken && n <= maxToken && random(p.s[i:j]) && !strings.HasSuffix(p.s[:i], "base64,") {
			p.add(Secret, i, j)
		}
		i = j
	}
}

func random(t string) bool {
	var count [256]int
	var classes [joint + 1]int
	changes, last := 0, -1
	for i := range len(t) {
		count[t[i]]++
		c := class(t[i])
		classes[c]++
		if last >= 0 && last != joint && c != joint && c != last && !(last == 1 && c == 0) { // a small letter behind a capital one is in every name
			changes++
		}
		last = c
	}
	if classes[0] == 0 || classes[1] == 0 || classes[2] == 0 || changes*10 < len(t)*3 {
		return false
	}
	entropy := 0.0
	for _, n := range count {
		if n > 0 {
			f := float64(n) / float64(len(t))
			entropy -= f * math.Log2(f)
		}
	}
	return entropy >= minEntropy
}

// joint is the class of what joins words in names.
const joint = 4

func class(c byte) int {
	switch {
	case lower(c):
		return 0
	case upper(c):
		return 1
	case digit(c):
		return 2
	case c == '_' || c == '-':
		return joint
	}
	return 3
}
