package privacy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Chinese names: a family name of the hundred most common or a double one, and one
// or two characters, where a word before or after says that a person is meant.

const (
	family  = `王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤施洪季康文牛俞章葛颜倪柳鲁岳齐温庄安殷祝左古`
	doubled = `欧阳|上官|司马|诸葛|东方|皇甫|尉迟|公孙|令狐|慕容|司徒|夏侯`
)

var (
	zhBefore = regexp.MustCompile(`^["']?\s?(?:[:是为叫]|名叫)?["']?\s?((?:` + doubled + `|[` + family + `])\p{Han}{1,2})`)
	zhAm     = regexp.MustCompile(`^((?:` + doubled + `|[` + family + `])\p{Han}{1,2})(?:[,.!?。、;:\s的]|$)`)
	zhFamily = set(strings.ReplaceAll(doubled, "|", " "))
)

// notGiven has characters that go on with the sentence and end no name.
const notGiven = `的今在是和住有来去要想说电手也都就很了吗呢吧不明后早晚我你他她给到把跟与及或已正等让请从为被向着过会能可以下上两一这那哪什怎时号先女老医经教主律师阿叔`

func findChineseNames(p *page) {
	p.each(markZhName, func(m mark) { p.chineseName(m, zhBefore) })
	p.each(markZhAm, func(m mark) { p.chineseName(m, zhAm) })
	p.each(markZhTitle, p.chineseTitled)
}

func (p *page) chineseName(m mark, re *regexp.Regexp) {
	if n := re.FindStringSubmatchIndex(p.window(m.j, 48)); n != nil {
		i, j := m.j+n[2], m.j+n[3]
		p.add(Name, i, i+len(chineseName(p.s[i:j])))
	}
}

// chineseTitled looks for a family name and up to two characters before a title.
func (p *page) chineseTitled(m mark) {
	var starts []int
	for i := m.i; len(starts) < 4; {
		r, n := utf8.DecodeLastRuneInString(p.s[:i])
		if !unicode.Is(unicode.Han, r) {
			break
		}
		i -= n
		starts = append(starts, i)
	}
	for k := len(starts) - 1; k >= 0; k-- {
		i := starts[k]
		r, n := utf8.DecodeRuneInString(p.s[i:])
		double := i+2*n <= m.i && zhFamily[p.s[i:i+2*n]]
		if double || k < 3 && strings.ContainsRune(family, r) && !joinedBefore(p.s[:i]) {
			p.add(Name, i, m.i)
			return
		}
	}
}

// chineseName is s without what goes on with the sentence, empty if nothing is left
// but the family name.
func chineseName(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	for _, d := range strings.Split(doubled, "|") {
		if strings.HasPrefix(s, d) {
			n = len(d)
		}
	}
	end := n
	for i, r := range s[n:] {
		if strings.ContainsRune(notGiven, r) || strings.HasPrefix(s[n+i:], "小姐") {
			break
		}
		end = n + i + utf8.RuneLen(r)
	}
	if end == n {
		return ""
	}
	return s[:end]
}

// joinedBefore reports whether the family name that follows is a part of a longer
// word: "国王先生" and "牛黄小姐" are rare, "中国银行王经理" is not, so only a few
// characters count.
func joinedBefore(before string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	return unicode.Is(unicode.Han, r) && strings.ContainsRune("国女霸大天帝", r)
}
