package synth

// Names are drawn from short lists of common ones, evenly mixed, and belong to nobody:
// given and family name, date of birth and address are drawn apart.
var (
	givenFemale = []string{
		"Amelia", "Olivia", "Isla", "Ava", "Lily", "Freya", "Florence", "Ivy", "Grace", "Evelyn",
		"Margaret", "Susan", "Patricia", "Christine", "Jean", "Dorothy", "Linda", "Karen", "Julie", "Tracey",
		"Sarah", "Claire", "Emma", "Rebecca", "Laura", "Gemma", "Charlotte", "Sophie", "Hannah", "Chloe",
		"Aisha", "Fatima", "Maryam", "Zainab", "Priya", "Anjali", "Kiran", "Nadia", "Mei", "Ling",
		"Abena", "Ngozi", "Yetunde", "Blessing", "Agnieszka", "Katarzyna", "Ioana", "Elena", "Siân", "Zoë",
	}
	givenMale = []string{
		"Noah", "Oliver", "George", "Arthur", "Leo", "Harry", "Jack", "Oscar", "Freddie", "Charlie",
		"John", "David", "Peter", "Michael", "Brian", "Alan", "Derek", "Keith", "Stephen", "Andrew",
		"Paul", "Mark", "Richard", "Matthew", "James", "Christopher", "Daniel", "Thomas", "Joshua", "Luke",
		"Mohammed", "Ali", "Yusuf", "Ibrahim", "Arjun", "Rahul", "Harpreet", "Imran", "Wei", "Jun",
		"Kwame", "Chidi", "Tunde", "Emmanuel", "Piotr", "Tomasz", "Andrei", "Mihai", "Seán", "José",
	}
	familyNames = []string{
		"Smith", "Jones", "Taylor", "Brown", "Williams", "Wilson", "Johnson", "Davies", "Robinson", "Wright",
		"Thompson", "Evans", "Walker", "White", "Roberts", "Green", "Hall", "Wood", "Jackson", "Clarke",
		"Harris", "Clark", "Cooper", "King", "Baker", "Turner", "Martin", "Morris", "Ward", "Hill",
		"Moore", "Harrison", "Parker", "Lee", "Allen", "Bennett", "Cook", "Shaw", "Carter", "Hughes",
		"Patel", "Khan", "Singh", "Kaur", "Hussain", "Begum", "Ahmed", "Ali", "Shah", "Chowdhury",
		"Okafor", "Mensah", "Adeyemi", "Campbell", "Grant", "Chen", "Wong", "Nguyen", "Kowalski", "Nowak",
		"Popescu", "O'Brien", "Murphy", "Kelly", "Byrne", "Silva", "Santos", "Garcia", "Rossi", "Müller",
		"Fletcher", "Barker", "Marsh", "Holt", "Lowe", "Pearce", "Frost", "Hardy", "Stone", "Booth",
		"Whitworth", "Ashworth", "Hargreaves", "Ramsbottom", "Featherstone", "Thistlethwaite", "Postlethwaite", "Cholmondeley", "Braithwaite", "Higginbottom",
		"Mistry", "Desai", "Rahman", "Uddin", "Akhtar", "Iqbal", "Bibi", "Malik", "Sharma", "Gill",
	}

	// Names that only a Windows-1252 export spells like this: é, ë and ö as single bytes.
	windows1252Names = []string{"Zo\xeb", "Ren\xe9e", "Chlo\xe9", "Andr\xe9", "S\xe9amus", "J\xf6rg"}
	// Family names that no patient bears, for people whom a council knows under another name.
	unmatchedNames = []string{"Quillfeather", "Ottershaw-Pell", "Brindlecombe", "Vantongeren", "Hazelhurst-Mott", "Zephirin"}

	streets     = []string{"Sample", "Specimen", "Fixture", "Placeholder", "Dummy", "Invented", "Pretend", "Fictional", "Notional", "Makeshift", "Borrowed", "Imaginary"}
	streetKinds = []string{"Street", "Road", "Lane", "Close", "Avenue", "Drive", "Gardens", "Terrace"}
)
