package privacy

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Names of persons are taken where they are a private person's: introduced ("my
// name is", "Dr."), in a field, signed, addressed, or the aim of a call or a
// message. A name alone is not: "Who was Albert Einstein?" would lose its sense.
const (
	capital = `(?:[OD]['’]|Mc|Mac)?\p{Lu}[\p{Ll}'’]{1,20}(?:-\p{Lu}\p{Ll}{1,20})?`
	fullest = capital + `(?:\s(?:\p{Lu}\.\s?|(?:van|von|de|der|da|del|bin|al|le|la|di)\s){0,2}` + capital + `){0,2}`
	// two is a name with its family name.
	two = capital + `(?:\s(?:\p{Lu}\.\s?|(?:van|von|de|der|da|del|bin|al|le|la|di)\s){0,2}` + capital + `){1,2}`
)

// What follows a word that introduces a name, see lexicon.
var (
	titled     = regexp.MustCompile(`^\.?\s(` + fullest + `)`)
	introduced = regexp.MustCompile(`^(?:'s|’s| is| was)?\s{1,4}["']?(` + fullest + `)`)
	named      = regexp.MustCompile(`^["']?\s?[:=]\s{0,4}["']?(` + fullest + `)`)
	selves     = regexp.MustCompile(`^\s(` + two + `)`)
	labelled   = regexp.MustCompile(`^["']?[ _]?(?:(?i:name)["']?)?\s?[:=]\s{0,2}["']?(` + fullest + `)`)
	fielded    = regexp.MustCompile(`^,?\s(` + fullest + `)`)
	followed   = regexp.MustCompile(`^:?\s{1,2}(` + fullest + `)`)
	closed     = regexp.MustCompile(`^,?\s{1,4}(` + fullest + `)`)
	beside     = regexp.MustCompile(`(` + two + `)[\s,:;(<\[|\-–]{1,4}$`)
)

// nameWindow holds a name of four words.
const nameWindow = 120

// findNames finds names in the contexts above, and names that stand before other
// personal data.
func findNames(p *page) {
	anybody := func(string) bool { return true }
	p.each(markTitle, func(m mark) {
		if upper(p.s[m.i]) {
			p.name(m, titled, anybody)
		}
	})
	p.each(markName, func(m mark) {
		w, before := p.s[m.i:m.j], p.wordBefore(m.i)
		if w != "me" && (strings.ToLower(w) != "name" || before != "user" && before != "file" && before != "host") || before == "call" {
			p.name(m, named, plausible)
			p.name(m, introduced, anybody)
		}
	})
	p.each(markSelf, func(m mark) {
		switch before := p.wordBefore(m.i); strings.ToLower(p.s[m.i:m.j]) {
		case "am":
			if before != "i" {
				return
			}
		case "is":
			if before != "this" {
				return
			}
		}
		p.name(m, selves, anybody)
	})
	p.each(markField, func(m mark) {
		p.name(m, labelled, plausible)
		p.name(m, fielded, given)
	})
	p.each(markAddressed, func(m mark) { p.name(m, followed, given) })
	p.each(markAim, func(m mark) { p.name(m, followed, given) })
	p.each(markLink, func(m mark) {
		if aims[p.wordBefore(m.i)] {
			p.name(m, followed, given)
		}
	})
	p.each(markClosing, func(m mark) { p.name(m, closed, anybody) })
	p.namesBeside()
	findChineseNames(p)
}

// aims are words before "to", "with" and the like that make a person of what follows.
var aims = set("send it this them that forward reply write talk speak message letter note email mail invoice payment transfer meeting lunch dinner appointment breakfast coffee reminder call birthday pick money say give")

// name adds what follows a mark, if it can be a name.
func (p *page) name(m mark, re *regexp.Regexp, good func(string) bool) {
	n := re.FindStringSubmatchIndex(p.window(m.j, nameWindow))
	if n == nil {
		return
	}
	i, j := m.j+n[2], m.j+n[3]
	if word(p.after(j)) { // RowIterator
		return
	}
	if j = i + len(trimName(p.s[i:j])); j > i && good(p.s[i:j]) {
		p.add(Name, i, j)
	}
}

// plausible is a name in a field: one word is too little unless it is a given name.
func plausible(name string) bool { return strings.Contains(name, " ") || given(name) }

// namesBeside looks before what was found: "Alice Meyer <alice@example.org>".
func (p *page) namesBeside() {
	for _, f := range p.found { // those that are added meanwhile are names
		if f.Category != Email && f.Category != Phone && f.Category != Address {
			continue
		}
		from := p.backWindow(f.From, 64)
		if p.spent(); p.err != nil {
			return
		}
		if m := beside.FindStringSubmatchIndex(p.s[from:f.From]); m != nil {
			i, j := from+m[2], from+m[3]
			if name := p.s[i:j]; trimName(name) == name && given(name) {
				p.add(Name, i, j)
			}
		}
	}
}

// trimName leaves out what is written with a capital but is no name.
func trimName(s string) string {
	end := 0
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] != ' ' && s[j] != '\n' && s[j] != '\t' {
			j++
		}
		w := s[i:j]
		if noName[strings.ToLower(strings.Trim(w, ".'’"))] {
			break
		}
		if r, _ := utf8.DecodeRuneInString(w); r < utf8.RuneSelf && !lower(byte(r)) || r >= utf8.RuneSelf {
			end = j
		}
		for j < len(s) && (s[j] == ' ' || s[j] == '\n' || s[j] == '\t') {
			if s[j] == '\n' {
				return s[:end]
			}
			j++
		}
		i = j
	}
	return strings.TrimRight(s[:end], "'’")
}

// given reports whether a name begins with a well-known given name.
func given(name string) bool {
	first, _, _ := strings.Cut(name, " ")
	first, _, _ = strings.Cut(first, "-")
	return givenNames[strings.ToLower(strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(first, "'s"), "’s"), "'’"))]
}

// set is the words of a text.
func set(text string) map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(text) {
		all[w] = true
	}
	return all
}

// noName has words that begin with a capital at the beginning of a sentence, in
// titles, or everywhere, and are no names.
var noName = set(`the a an and or but if when where what who why how this that these those there here it its is are was were be been am do does did not no yes
 i you he she we they me him her us them my your his our their mr mrs ms dr please thanks thank hello hi hey dear sir madam team all everyone everybody anyone someone nobody
 monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october november december today tomorrow tonight yesterday
 english chinese german french spanish italian japanese american british european russian korean
 google apple microsoft amazon facebook android linux windows python java alexa siri cortana cusp openai chatgpt claude gemini internet wifi
 street road avenue hospital university school college company bank inc ltd llc gmbh corp office room kitchen bedroom living light lights lamp heater fan door window tv
 support service sales customer manager admin administrator user home house new old good great best happy merry christmas birthday easter sorry welcome ready fine busy sure
 looking going coming trying calling writing sending having getting making working very so just only also now then later soon still
 president king queen prince princess pope saint st lord lady captain general north south east west
 email phone address number order invoice subject date name re fw attn
 let turn set open close start stop play show tell ask call send make get find give take put add remove remind can could would should will may might must`)

// givenNames are common given names of several languages, without those that are
// more often another word.
var givenNames = set(`aaron abdul abigail adam adrian ahmed aisha alan albert alejandro alex alexander alexandra alexis alfred ali alice alicia alina alison amanda amber amelia amir amy ana anastasia andre andrea andreas andrew andy angela angelina anita ann anna anne annette anthony antonio arthur ashley astrid audrey
 barbara beatrice ben benjamin bernard bernd beth betty bianca bob bobby boris brandon brenda brian bridget bruce bruno camila carl carla carlos carmen carol caroline carolyn catherine cecilia cedric chad charles charlie charlotte chen chloe chris christian christina christine christoph christopher cindy claire clara claudia colin connor craig cynthia
 daisy dan daniel daniela danielle danny darren david deborah denise dennis derek diana diane diego dieter dimitri dmitri dominic donald donna doris dorothy douglas dylan edgar edith eduardo edward elaine elena eleanor elias elisa elizabeth ella ellen elsa emil emily emma eric erica erik erika ernest esther ethan eugene eva evan eve evelyn
 fabian fatima felix fernando fiona florian frances francesca francis francisco franz fred frederick friedrich fritz gabriel gabriela gareth gary geoffrey george gerald gerard gina giovanni giulia gloria gordon graham greg gregory greta guido gustav hannah hans harold harry hassan heather heidi heinrich helen helena helga henri henry herbert hugo hussein
 ian ibrahim igor ingrid irene iris irina isaac isabel isabella ivan jacob jacqueline jake james jamie jan jane janet jason javier jean jeffrey jenna jennifer jenny jeremy jerry jesse jessica jill jim jimmy joan joanna joe joel johan johanna john johnny jonas jonathan jorge jose joseph josh joshua joyce juan juana judith judy julia julian juliana julie jun jürgen
 karen karin karl karla kate katharina katherine kathleen kathryn katie katrin keith kelly ken kenneth kevin kim kimberly klaus kurt kyle lara larry laura lauren laurent lea leah leila lena leo leon leonard leslie lilian lily linda lisa liz lorenzo louis louise lucas lucia lucy luis luisa luke lydia lynn
 magdalena manuel marc marcel marco marcus margaret maria marie marina mario marion markus marta martha martin martina mary mateo matt matthew matthias maurice max maximilian maya megan mehmet melanie melissa michael michelle miguel mike mila miriam mohamed mohammed molly monica monika muhammad nadia nancy naomi natalia natalie natasha nathan neil nick nicolas nicole nigel nina noah nora norbert norman olga oliver olivia omar oscar otto
 pablo pamela patricia patrick paul paula paulo pedro peggy penelope peter petra phil philip philipp phillip pierre priya rachel rafael rajesh ralph ramon raphael raul raymond rebecca regina renate ricardo richard rita robert roberto robin rodrigo roger roland ronald rosa rosemary ruben rudolf ruth ryan sabine sabrina sally sam samantha samir samuel sandra sandy sanjay sara sarah sascha sean sebastian sergei sergio shannon sharon shaun sheila silvia simon simone sofia sonia sonja sophia sophie stefan stefanie stella stephanie stephen steve steven stuart sue susan susanne suzanne svetlana sylvia
 tamara tania tanya tara tatiana ted teresa terry thea theo theodore theresa thomas tiffany tim timothy tina tobias todd tom tommy tony tracy ulrich ulrike ursula valentina valerie vanessa vera veronica victor viktor vincent vivian vladimir walter wanda wayne wei wendy werner wilhelm william winston wolfgang xavier yasmin yolanda yuki yusuf yvonne zachary zoe`)
