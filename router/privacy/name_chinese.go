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
	zhBefore = regexp.MustCompile(`(?:我叫|名叫|叫做|名字叫|名字是|名字为|姓名|联系人|收件人|收货人|寄件人|户主|持卡人|患者|病人|客户|顾客|房东|租客|同事|同学|朋友|邻居|老板|经理|老师|医生|妻子|丈夫|儿子|女儿|弟弟|妹妹|哥哥|姐姐|乘客|嘉宾|签名|打电话给|打给|发短信给|发邮件给|发消息给|发给|转账给|汇款给|寄给|通知|提醒|告诉|联系|拜访|邀请|约了|约)\s?(?:[:是为叫]|名叫)?\s?((?:` + doubled + `|[` + family + `])\p{Han}{1,2})`)
	zhAm     = regexp.MustCompile(`我是((?:` + doubled + `|[` + family + `])\p{Han}{1,2})(?:[,.!?。、;:\s的]|$)`)
	zhAfter  = regexp.MustCompile(`((?:` + doubled + `|[` + family + `])\p{Han}{0,2}?)(?:先生|女士|小姐|太太|老师|医生|大夫|教授|经理|主任|律师|师傅|阿姨|叔叔|同学|护士)`)
)

// notGiven has characters that go on with the sentence and end no name.
const notGiven = `的今在是和住有来去要想说电手也都就很了吗呢吧不明后早晚我你他她给到把跟与及或已正等让请从为被向着过会能可以下上两一这那哪什怎时号先女老医经教主律师阿叔`

func findChineseNames(p *page) {
	for _, re := range []*regexp.Regexp{zhBefore, zhAm} {
		for _, m := range re.FindAllStringSubmatchIndex(p.s, -1) {
			p.add(Name, m[2], m[2]+len(chineseName(p.s[m[2]:m[3]])))
		}
	}
	for _, m := range zhAfter.FindAllStringSubmatchIndex(p.s, -1) {
		if !joinedBefore(p.s[:m[2]]) {
			p.add(Name, m[2], m[3])
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
