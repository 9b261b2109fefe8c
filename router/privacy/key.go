package privacy

import (
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
