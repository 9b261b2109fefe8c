package privacy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a472be26/cusp/router/match"
)

// kind says what a word tells of the text around it. A page is read once for all
// words; expressions then run on short windows beside them only, so that a text
// without such words costs next to nothing.
type kind uint32

const (
	markTitle     kind = 1 << iota // "Dr": a name follows
	markName                       // "name": a name may follow
	markSelf                       // "I am"
	markField                      // "customer"
	markAddressed                  // "dear"
	markAim                        // "call"
	markLink                       // "to", "with": an aim if the word before is one
	markClosing                    // "regards"
	markSecret                     // "password"
	markKey                        // "key", "code": a secret if the word before says so
	markBearer                     // "Authorization"
	markStreet                     // "street", behind its name
	markRue                        // "rue", before its name
	markBox                        // "PO Box"
	markPhone                      // "call", "电话"
	markOther                      // "order": numbers are no telephones
	markID                         // "身份证"
	markPlace                      // "lat"
	markZhName                     // "我叫"
	markZhAm                       // "我是"
	markZhTitle                    // "先生", behind a name
	markHouse                      // "号", behind a number
	markSpelled                    // "at", "[at]"
	markGerman                     // "Hauptstraße", before its number
)

// mark is a word s[i:j] that tells something.
type mark struct {
	i, j  int
	kinds kind
}

// lexicon has the words by kind, in lower case.
var lexicon = map[kind]string{
	markTitle:     `mr mrs ms miss mister dr doctor prof professor herr frau monsieur madame mme señor señora nurse officer`,
	markName:      `name named called me`,
	markSelf:      `am i'm i’m is`,
	markField:     `customer patient employee client tenant colleague neighbor neighbour friend boss manager wife husband son daughter brother sister mother father uncle aunt teacher doctor landlord nurse guest passenger roommate partner recipient beneficiary holder cardholder user contact`,
	markAddressed: `dear hi hello hey attn c/o cc from to`,
	markAim:       `call phone ring text email mail message meet ask tell remind invite visit contact notify send write`,
	markLink:      `to with for from of up me`,
	markClosing:   `regards sincerely cheers thanks yours signed`,
	markSecret:    `password passwd pwd passphrase passcode pass pin secret token credential apikey secretkey accesstoken authtoken 密码 口令 密钥 验证码 令牌 暗号 密匙`,
	markKey:       `key code`,
	markBearer:    `bearer basic authorization`,
	markStreet:    `street st avenue ave road rd boulevard blvd lane ln drive dr court ct place pl square sq terrace parkway pkwy highway hwy crescent gardens circle trail way close row quay mews hill`,
	markRue:       `rue avenue boulevard place chemin allée impasse quai route`,
	markBox:       `box`,
	markPhone:     `tel telephone phone mobile cell call fax whatsapp sms text dial ring reach contact hotline handy telefon tél téléphone 电话 手机 号码 致电 拨打 联系 传真 微信 热线 座机 短信`,
	markOther:     `order invoice serial version model part ticket isbn issn doi tracking sku article case ref reference item batch error code pid port year flight account imei 订单 单号 编号 型号 序列号 版本 快递 书号 批号 工单 流水 货号 代码 账号 卡号`,
	markID:        `id 身份证 证件号`,
	markPlace:     `lat latitude 纬度 北纬 南纬 东经 西经 经度`,
	markZhName:    `我叫 名叫 叫做 名字叫 名字是 名字为 姓名 联系人 收件人 收货人 寄件人 户主 持卡人 患者 病人 客户 顾客 房东 租客 同事 同学 朋友 邻居 老板 经理 老师 医生 妻子 丈夫 儿子 女儿 弟弟 妹妹 哥哥 姐姐 乘客 嘉宾 签名 电话给 打给 短信给 邮件给 消息给 发给 转账给 汇款给 寄给 通知 提醒 告诉 联系 拜访 邀请 约了`,
	markZhAm:      `我是`,
	markZhTitle:   `先生 女士 小姐 太太 老师 医生 大夫 教授 经理 主任 律师 师傅 阿姨 叔叔 同学 护士`,
	markHouse:     `号 弄 栋 幢 座 室 层 楼 期`,
	markSpelled:   `at`,
}

// byWord and byRune are the lexicon for looking up: words of scripts that part
// them, and others by their first character.
var byWord, byRune = readLexicon()

type zhWord struct {
	text  string
	kinds kind
}

func readLexicon() (map[string]kind, map[rune][]zhWord) {
	all, zh := map[string]kind{}, map[rune][]zhWord{}
	for k, words := range lexicon {
		for _, w := range strings.Fields(words) {
			all[w] |= k
		}
	}
	for w, k := range all {
		if r, _ := utf8.DecodeRuneInString(w); unicode.Is(unicode.Han, r) {
			zh[r] = append(zh[r], zhWord{w, k})
			delete(all, w)
		}
	}
	return all, zh
}

// maxWord is the longest word that is looked up.
const maxWord = 24

// read finds the marks of a page.
func (p *page) read() {
	var small [maxWord]byte
	for i := 0; i < len(p.s); {
		r, n := utf8.DecodeRuneInString(p.s[i:])
		if !unicode.IsLetter(r) {
			i += n
			continue
		}
		if match.Unparted(r) {
			for _, w := range byRune[r] {
				if strings.HasPrefix(p.s[i:], w.text) {
					p.mark(i, i+len(w.text), w.kinds)
				}
			}
			i += n
			continue
		}
		j := i + n
		for j < len(p.s) {
			r, n := utf8.DecodeRuneInString(p.s[j:])
			if !unicode.IsLetter(r) && r != '\'' && r != '’' || match.Unparted(r) {
				break
			}
			j += n
		}
		if w := strings.TrimRight(p.s[i:j], "'’"); len(w) <= maxWord {
			kinds := byWord[string(lowered(small[:0], w))]
			if k := strings.IndexAny(w, "'’"); k > 0 && kinds == 0 { // "name's"
				w = w[:k]
				kinds = byWord[string(lowered(small[:0], w))]
			}
			p.mark(i, i+len(w), kinds)
		}
		if germanStreet(p.s[i:j]) {
			p.mark(i, j, markGerman)
		}
		i = j
	}
}

// lowered appends a word in lower case.
func lowered(to []byte, w string) []byte {
	for _, r := range w {
		to = utf8.AppendRune(to, unicode.ToLower(r))
	}
	return to
}

func (p *page) mark(i, j int, kinds kind) {
	if kinds != 0 {
		p.marks = append(p.marks, mark{i, j, kinds})
	}
}

// each calls visit for the marks of a kind, in the order of the text, until the page
// has cost too much.
func (p *page) each(k kind, visit func(m mark)) {
	for _, m := range p.marks {
		if m.kinds&k == 0 {
			continue
		}
		if p.err != nil {
			return
		}
		visit(m)
	}
}

// maxWork is how many windows of one text are searched. A text of a megabyte in
// which every third word is a mark has more; no letter of a person has.
const maxWork = 1 << 16

// spent counts a window.
func (p *page) spent() {
	if p.work++; p.work > maxWork {
		p.err = errTooDense
	}
}

// window is s[i:] or what of it is near, for an expression to search.
func (p *page) window(i, size int) string {
	p.spent()
	j := min(len(p.s), i+size)
	for k := 0; k < utf8.UTFMax && j > i && j < len(p.s) && !utf8.RuneStart(p.s[j]); k++ {
		j--
	}
	return p.s[i:j]
}

// backWindow is where a window that ends at i begins.
func (p *page) backWindow(i, size int) int {
	from := max(0, i-size)
	for from < i && !utf8.RuneStart(p.s[from]) {
		from++
	}
	return from
}

// wordBefore is the word before i, in lower case.
func (p *page) wordBefore(i int) string {
	j := i
	for j > 0 && (p.s[j-1] == ' ' || p.s[j-1] == '_' || p.s[j-1] == '-') {
		j--
	}
	k := j
	for k > 0 && j-k < maxWord && alpha(p.s[k-1]) {
		k--
	}
	return strings.ToLower(p.s[k:j])
}
