"""Words that people, places and companies of the sample are made of.

All lists are short and curated for this project; every combination is fictional.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _forms(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(entry.split(",")) for entry in text.split())


# A given name, then the forms that colleagues and web forms use for it.
FEMALE_NAMES: tuple[tuple[str, ...], ...] = _forms("""
    Mary,Molly Patricia,Patty,Trish Jennifer,Jenny,Jen Linda,Lindy Elizabeth,Liz,Beth,Betty
    Barbara,Barb Susan,Sue,Susie Jessica,Jess Karen Sarah,Sally Lisa Nancy Sandra,Sandy
    Ashley,Ash Kimberly,Kim Emily,Em Donna Michelle,Shelly Carol,Carrie Amanda,Mandy
    Melissa,Missy Deborah,Debbie,Deb Stephanie,Steph Rebecca,Becky,Becca Laura,Laurie
    Sharon,Shari Cynthia,Cindy Dorothy,Dot,Dottie Amy Kathleen,Kathy,Kate Angela,Angie Shirley
    Emma Brenda Pamela,Pam Nicole,Nicky Anna,Annie Samantha,Sam Katherine,Kate,Katie
    Christine,Chris,Christy Debra,Deb Rachel,Rach Carolyn,Carrie Janet,Jan Maria Olivia,Liv
    Heather Helen,Nell Catherine,Cathy,Cat Diane,Di Julie,Jules Victoria,Vicky,Tori Joyce Lauren
    Kelly Christina,Tina Ruth,Ruthie Joan,Joanie Virginia,Ginny Judith,Judy Evelyn,Evie Hannah
    Andrea,Andie Megan,Meg Cheryl,Cherie Jacqueline,Jackie Madison,Maddie Teresa,Terry,Tess
    Abigail,Abby Sophia,Sophie Martha,Marty Sara Gloria Janice,Jan Kathryn,Kathy Ann,Annie
    Isabella,Bella,Izzy Judy Charlotte,Lottie Julia,Jules Grace Alice,Allie Jean,Jeannie Amber
    Beverly,Bev Danielle,Dani Marilyn Theresa,Tess Natalie,Nat Diana,Di Brittany,Britt
    Anjali,Anju Ximena,Mena Leila Chiara Soledad,Sol Nadia Ayumi Beatrix,Trixie Rosalind,Roz
    Philippa,Pippa Winifred,Winnie Henrietta,Etta Zoe Amina Freya
""")
MALE_NAMES: tuple[tuple[str, ...], ...] = _forms("""
    James,Jim,Jimmy Robert,Rob,Bob John,Jack,Johnny Michael,Mike,Mick David,Dave
    William,Will,Bill Richard,Rick,Dick Joseph,Joe Thomas,Tom Christopher,Chris
    Charles,Charlie,Chuck Daniel,Dan,Danny Matthew,Matt Anthony,Tony Mark Donald,Don
    Steven,Steve Andrew,Andy,Drew Paul Joshua,Josh Kenneth,Ken,Kenny Kevin,Kev Brian Timothy,Tim
    Ronald,Ron George Jason,Jay Edward,Ed,Eddie Jeffrey,Jeff Ryan Jacob,Jake Gary Nicholas,Nick
    Eric,Rick Jonathan,Jon Stephen,Steve Larry Justin Scott Brandon,Bran Benjamin,Ben Samuel,Sam
    Gregory,Greg Alexander,Alex Patrick,Pat Frank,Frankie Raymond,Ray Jack Dennis,Denny Jerry
    Tyler,Ty Aaron Jose,Pepe Adam Nathan,Nate Henry,Hank,Harry Zachary,Zach Douglas,Doug
    Peter,Pete Kyle Noah Ethan Jeremy Walter,Walt Christian,Chris Keith Roger,Rog Terry Austin
    Sean Gerald,Jerry Carl Harold,Hal Dylan Arthur,Art Lawrence,Larry Jordan Jesse,Jess Bryan
    Billy Bruce Gabriel,Gabe Joe Logan Alan,Al Juan Albert,Al,Bert Willie Elijah,Eli Wayne Randy
    Vincent,Vince Mason Roy Ralph Bobby Russell,Russ Bradley,Brad Philip,Phil Eugene,Gene
    Sanjay,Jay Kofi Rafael,Rafa Ignacio,Nacho Bogdan Sven Matthias,Matt Youssef Takeshi
    Cedric,Ced Leopold,Leo Alfonso,Al Dinesh Chidi Marcel Olaf Hassan Duc
""")
SURNAMES: tuple[str, ...] = _words("""
    Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez
    Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris
    Sanchez Clark Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill
    Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gomez Phillips
    Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook
    Rogers Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward
    Richardson Watson Brooks Chavez Wood James Bennett Gray Mendoza Ruiz Hughes Price Alvarez
    Castillo Sanders Patel Myers Long Ross Foster Jimenez Powell Jenkins Perry Russell Sullivan
    Bell Coleman Butler Henderson Barnes Gonzales Fisher Vasquez Simmons Romero Jordan Patterson
    Alexander Hamilton Graham Reynolds Griffin Wallace Moreno West Cole Hayes Bryant Herrera
    Gibson Ellis Tran Medina Aguilar Stevens Murray Ford Castro Marshall Owens Harrison
    Fernandez McDonald Woods Washington Kennedy Wells Vargas Henry Chen Freeman Webb Tucker
    Guzman Burns Crawford Olson Simpson Porter Hunter Gordon Mendez Silva Shaw Snyder Mason
    Dixon Munoz Hunt Hicks Holmes Palmer Wagner Black Robertson Boyd Rose Stone Salazar Fox
    Warren Mills Meyer Rice Schmidt Garza Daniels Ferguson Nichols Stephens Soto Weaver Ryan
    Gardner Payne Grant Dunn Kelley Spencer Hawkins Arnold Pierce Hansen Peters Santos Harwood
    Bradley Knight Elliott Cunningham Duncan Armstrong Hudson Carroll Lane Riley Andrews
    Alvarado Ray Delgado Berry Perkins Hoffman Johnston Matthews Pena Richards Contreras Willis
    Carpenter Lawrence Sandoval Guerrero George Chapman Rios Estrada Ortega Watkins Greene Nunez
    Wheeler Valdez Harper Burke Larson Santiago Maldonado Morrison Franklin Carlson Austin
    Dominguez Carr Lawson Jacobs Obrien Lynch Singh Vega Bishop Montgomery Oliver Jensen Harvey
    Williamson Gilbert Dean Sims Espinoza Howell Li Wong Reid Hanson Le McCoy Garrett Burton
    Fuller Wang Weber Welch Rojas Lucas Marquez Fields Park Yang Little Banks Padilla Day Walsh
    Bowman Schultz Luna Fowler Mejia Davidson Acosta Brewer May Holland Juarez Newman Pearson
    Curtis Cortez Douglas Schneider Joseph Barrett Navarro Figueroa Keller Avila Wade Molina
    Stanley Hopkins Campos Barnett Bates Chambers Caldwell Beck Lambert Miranda Byrd Craig Ayala
    Lowe Frazier Powers Neal Leonard Gregory Carrillo Sutton Achebe Khoury Bergstrom Horvat
    Volkov Tanaka Zielinski Ferrari Laurent Mehta Mensah Quintero Hendricks Winslow Fairbanks
    Kensington Radcliffe Stanhope Merriweather
""")
# City, state, first three digits of its postal codes, time zone.
CITIES: tuple[tuple[str, str, str, str], ...] = (
    ("Lincoln", "NE", "685", "America/Chicago"),
    ("Madison", "WI", "537", "America/Chicago"),
    ("Savannah", "GA", "314", "America/New_York"),
    ("Knoxville", "TN", "379", "America/New_York"),
    ("Louisville", "KY", "402", "America/New_York"),
    ("Wichita", "KS", "672", "America/Chicago"),
    ("Kansas City", "MO", "641", "America/Chicago"),
    ("St. Louis", "MO", "631", "America/Chicago"),
    ("Little Rock", "AR", "722", "America/Chicago"),
    ("Jackson", "MS", "392", "America/Chicago"),
    ("Mobile", "AL", "366", "America/Chicago"),
    ("Birmingham", "AL", "352", "America/Chicago"),
    ("Charleston", "SC", "294", "America/New_York"),
    ("Columbia", "SC", "292", "America/New_York"),
    ("Norfolk", "VA", "235", "America/New_York"),
    ("Wilmington", "DE", "198", "America/New_York"),
    ("Newark", "NJ", "071", "America/New_York"),
    ("Trenton", "NJ", "086", "America/New_York"),
    ("Rochester", "NY", "146", "America/New_York"),
    ("Syracuse", "NY", "132", "America/New_York"),
    ("Cleveland", "OH", "441", "America/New_York"),
    ("Toledo", "OH", "436", "America/New_York"),
    ("Grand Rapids", "MI", "495", "America/Detroit"),
    ("Duluth", "MN", "558", "America/Chicago"),
    ("Fargo", "ND", "581", "America/Chicago"),
    ("Sioux Falls", "SD", "571", "America/Chicago"),
    ("Billings", "MT", "591", "America/Denver"),
    ("Cheyenne", "WY", "820", "America/Denver"),
    ("Reno", "NV", "895", "America/Los_Angeles"),
    ("Fresno", "CA", "937", "America/Los_Angeles"),
    ("Eugene", "OR", "974", "America/Los_Angeles"),
    ("Tacoma", "WA", "984", "America/Los_Angeles"),
    ("Anchorage", "AK", "995", "America/Anchorage"),
    ("Honolulu", "HI", "968", "Pacific/Honolulu"),
    ("Santa Fe", "NM", "875", "America/Denver"),
    ("El Paso", "TX", "799", "America/Denver"),
    ("San Antonio", "TX", "782", "America/Chicago"),
    ("Shreveport", "LA", "711", "America/Chicago"),
)
# Numbers move with people, so a mobile phone may have any of these area codes.
AREA_CODES: tuple[str, ...] = _words("""
    201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234
    239 240 248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309
    310 312 313 314 315 316 317 318 319 320 321 323 325 330 334 336 337 339 347 351 352 360 361
    386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 425 430 432 434 435 440
    443 469 478 479 480 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 540
    541 551 559 561 562 563 567 570 571 573 574 580 585 586 601 602 603 605 606 607 608 609 610
    612 614 615 616 617 618 619 620 623 626 630 631 636 641 646 650 651 660 661 662 678 682 701
    702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 727 731 732 734 740 757 760
    763 765 770 772 773 774 775 781 785 786 801 802 803 804 805 806 808 810 812 813 814 815 816
    817 818 828 830 831 832 843 845 847 848 850 856 857 858 859 860 862 863 864 865 870 901 903
    904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 931 936 937 940 941 947
    949 951 952 954 956 970 971 972 973 978 979 980 985 989
""")
STREETS: tuple[str, ...] = _words("""
    Acacia Alder Aspen Beech Buckeye Catalpa Cottonwood Dogwood Hawthorn Hickory Hemlock Locust
    Magnolia Mulberry Poplar Redwood Sassafras Sycamore Tupelo Bayberry Bluebell Clover Foxglove
    Goldenrod Heather Lavender Marigold Primrose Saffron Thistle Adams Buchanan Fillmore
    Garfield Hayes Pierce Polk Tyler Depot Foundry Granary Harbor Market Quarry Railroad Station
    Tannery Wharf Canal Ferry Cannon Chapel College Courthouse Fairground Armory Lighthouse
    Overlook Terrace Bluff Cascade
""")
STREET_KINDS: tuple[tuple[str, str], ...] = (
    ("St", "Street"), ("Ave", "Avenue"), ("Rd", "Road"), ("Dr", "Drive"),
    ("Ln", "Lane"), ("Ct", "Court"), ("Blvd", "Boulevard"), ("Trl", "Trail"),
)  # fmt: skip
MAILBOX_PROVIDERS: tuple[str, ...] = (
    "gmail.com", "outlook.com", "yahoo.com", "icloud.com", "hotmail.com", "proton.me",
    "harborpost.example", "pinemail.example",
)  # fmt: skip
COMPANY_FIRST: tuple[str, ...] = _words("""
    Acorn Almond Apple Arbor Barley Basalt Bell Bison Bramble Brindle Candle Cardinal Chestnut
    Cider Cinder Clay Clover Copse Cotton Crane Cricket Currant Dapple Drum Eagle Elder Fennel
    Finch Flax Fox Gable Ginger Goose Grain Hare Hay Heath Hemlock Hickory Honey Hop Kestrel
    Kettle Ladder Lantern Larch Lemon Linden Linen Magpie Mallow Mint Mulberry Mustard Nettle
    Nutmeg Oat Otter Paddle Parsley Pepper Pewter Plover Plum Poppy Pumpkin Quill Robin Rowan
    Rye Saddle Saffron Sedge Sheaf Shuttle Sickle Spindle Sparrow Spice Starling Straw Swallow
    Teasel Tern Thimble Thistle Tin Trellis Turnip Umber Walnut Wax Wheat Wicker Wool
""")
COMPANY_SECOND: tuple[str, ...] = _words("""
    acre anvil arrow barn barrel basket beam board bolt boot bottle bow bowl bucket button cart
    castle chapel chest clock cloth cradle crown cup cutter dial door drum fence flag flask
    fleece frame gable garden girder hammer hatch hearth hinge hive hook horn house jar kiln
    knot ladder lantern latch lever loaf loft loom mason mast mortar nail needle net oar oven
    paddle pail pan pen pier pin plank plate plow post press pulley quilt rack rafter rail rake
    rope rudder saddle sail saw scale shed shelf shingle shovel sieve spade spoke spool stall
    stool stove table thatch thread tile timber trowel trunk vane vat vault wagon wheel whistle
    wire yoke
""")
# Industry, then the words that its companies carry in their names.
INDUSTRIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Food and Drink", ("Bakery", "Foods", "Brewing")),
    ("Construction", ("Builders", "Roofing", "Contracting")),
    ("Wholesale", ("Supply", "Wholesale", "Distribution")),
    ("Home Services", ("Plumbing", "Cleaning", "Landscaping")),
    ("Beauty and Wellness", ("Spa", "Salon", "Fitness")),
    ("Automotive", ("Motors", "Garage", "Tire")),
    ("Agriculture", ("Farms", "Orchards", "Dairy")),
    ("Textiles", ("Textiles", "Upholstery", "Apparel")),
    ("Veterinary", ("Veterinary", "Animal Care", "Kennels")),
    ("Events", ("Events", "Catering", "Rentals")),
)
LEGAL_FORMS: tuple[str, ...] = ("", "", "", " Inc", " LLC", " Corp")
TECH_TAGS: tuple[str, ...] = (
    "barcode", "card-reader", "courier", "e-signature", "kiosk", "ledger", "maps", "online-shop",
    "payroll", "spreadsheet", "telephony", "time-clock",
)  # fmt: skip
JOB_TITLES: tuple[tuple[str, ...], ...] = (
    ("Dispatcher", "Field Supervisor", "Fleet Manager", "Crew Lead", "Maintenance Planner"),
    ("Shop Manager", "Head of Promotions", "Community Manager", "Copywriter", "Events Planner"),
    ("Owner-Manager", "Managing Partner", "Proprietor", "Regional Director", "Chief of Staff"),
    ("Inventory Analyst", "Demand Planner", "Reporting Lead", "Pricing Analyst", "Systems Administrator"),
    ("Bookkeeper", "Payroll Clerk", "Front Desk Manager", "Shift Lead", "Purchasing Agent"),
)  # fmt: skip
ROLE_MAILBOXES: tuple[str, ...] = ("info", "contact", "orders", "accounts", "team")
JUNK_EMAILS: tuple[str, ...] = ("test@test.com", "na@na.com", "unknown@example.com", "null")
JUNK_PHONES: tuple[str, ...] = ("0000000000", "123-456-7890", "n/a", "999-999-9999")
CONTACT_OWNERS: tuple[str, ...] = ("Rosalind Achebe", "Leo Winslow", "Amina Horvat", "Unowned")
