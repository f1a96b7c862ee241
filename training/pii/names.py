# ruff: noqa: E501 - lists and patterns, one a line
"""Our own lists of names of people, places, streets, firms and care facilities of many cultures, from which values are made."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace("_", " ").split("|")) if "|" in text else tuple(each.replace("_", " ") for each in text.split())


#: culture → (given names, family names).
PEOPLE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "english": (
        _words(
            "James Mary John Patricia Robert Jennifer Michael Linda William Elizabeth David Barbara Richard Susan Joseph Jessica Thomas "
            "Sarah Charles Karen Daniel Nancy Matthew Lisa Anthony Betty Mark Margaret Donald Sandra Steven Ashley Paul Kimberly Andrew "
            "Emily Joshua Donna Kenneth Michelle Kevin Carol Brian Amanda George Dorothy Edward Melissa Ronald Deborah Timothy Stephanie "
            "Jason Rebecca Jeffrey Sharon Ryan Laura Jacob Cynthia Gary Kathleen Nicholas Amy Eric Angela Jonathan Shirley Stephen Anna "
            "Larry Brenda Justin Pamela Scott Emma Brandon Nicole Benjamin Helen Samuel Samantha Gregory Katherine Frank Christine "
            "Alexander Debra Raymond Rachel Patrick Carolyn Jack Janet Dennis Maria Jerry Heather Tyler Diane Aaron Olivia Jose Julie "
            "Henry Joyce Adam Victoria Douglas Ruth Nathan Virginia Peter Lauren Zachary Kelly Kyle Christina Walter Joan Harold Evelyn "
            "Grace Hope Faith Will Mark Rose Dean Chase Hunter Carter Mason Logan Lily Ivy Violet June April May Summer Dawn Joy Art "
            "Bill Rob Sue Pat Ray Drew Gene Guy Dale Lance Rusty Sonny Chip Miles Jamie Robin Leslie Terry Tracy Stacy Shannon Courtney "
            "Misty Tiffany Crystal Brittany Destiny Wendy Tara Lori Holly Audrey Tonya Bradley Derek Trevor Marcus Travis Cody Billy Bobby "
            "Johnny Jimmy Danny Vincent Philip Craig Shane Seth Ethan Liam Noah Owen Isla Ava Freya Poppy Alfie Archie Harry Oscar Theo "
            "Callum Ewan Fiona Isobel Gareth Rhys Bronwen Siobhan Niamh Aoife Cormac Declan Sean Kieran Nigel Graham Clive Beryl Maureen "
            "Doreen Gladys Agnes Winifred Hazel Olive Pearl Opal Ruby Amber Jade Penny Ginger Sandy Cliff Heath Glen Brook Forrest Wade"
        ),
        _words(
            "Smith Johnson Williams Brown Jones Davis Miller Wilson Moore Taylor Anderson Thomas Jackson White Harris Martin Thompson "
            "Robinson Clark Lewis Lee Walker Hall Allen Young King Wright Hill Scott Green Adams Baker Nelson Carter Mitchell Roberts "
            "Turner Phillips Campbell Parker Evans Edwards Collins Stewart Morris Rogers Reed Cook Morgan Bell Murphy Bailey Cooper "
            "Richardson Cox Howard Ward Peterson Gray James Watson Brooks Kelly Sanders Price Bennett Wood Barnes Ross Henderson Coleman "
            "Jenkins Perry Powell Long Patterson Hughes Flores Washington Butler Simmons Foster Bryant Alexander Russell Griffin Hayes "
            "Myers Ford Hamilton Graham Sullivan Wallace Woods Cole West Jordan Owens Reynolds Fisher Ellis Harrison Gibson Mcdonald Cruz "
            "Marshall Ortiz Murray Freeman Wells Webb Simpson Stevens Tucker Porter Hunter Hicks Crawford Henry Boyd Mason Kennedy Warren "
            "Dixon Burns Gordon Shaw Holmes Rice Robertson Hunt Black Daniels Palmer Mills Nichols Grant Knight Ferguson Rose Stone Dunn "
            "Perkins Hudson Spencer Gardner Stephens Payne Pierce Berry Matthews Arnold Wagner Willis Watkins Olson Carroll Duncan Snyder "
            "Hart Cunningham Bradley Lane Andrews Fox Hawkins Park Banks Fields Rivers Waters Church House Temple Street Winter Summers "
            "Frost Snow Rain Day Weeks May March Best Good Strong Sharp Swift Savage Moody Gross Noble Bishop Pope Abbott Parsons Dean "
            "O'Brien O'Connor O'Neill McCarthy McKenzie MacLeod Fitzgerald Gallagher Doyle Byrne Walsh Pemberton Ashworth Hargreaves "
            "Whitaker Thorne Blackwood Fairchild Lockhart Sinclair Crosby Pugh Llewellyn Beddoes Cartwright Ramsbottom Osgood Penhaligon "
            "Smith-Jones Parker-Bowles Taylor-Reed Clarke-Hall Barnett Melton Hobbs Carr Chaney Mcintyre Stanton Vaughn Chandler Pruitt"
        ),
    ),
    "german": (
        _words(
            "Hans Anna Peter Ursula Klaus Monika Jürgen Petra Wolfgang Sabine Dieter Renate Manfred Helga Uwe Karin Günter Brigitte Horst "
            "Ingrid Stefan Claudia Andreas Susanne Thomas Andrea Markus Nicole Christian Katrin Matthias Silke Tobias Anja Florian Julia "
            "Lukas Lea Jonas Mia Leon Hannah Felix Lena Maximilian Sophie Moritz Johanna Fabian Franziska Urs Regula Beat Vreni Reto "
            "Ruedi Heidi Köbi Ueli Marlies Hansruedi Trudi Walter Erika Gerhard Elfriede Helmut Gudrun Jörg Bärbel Rüdiger Annegret Lothar "
            "Waltraud Egon Hedwig Ernst Rosmarie Fritz Margrit Werner Verena Bruno Doris Roger Sandra Daniel Nadja Kilian Svenja Torben "
            "Wiebke Hauke Anneliese Liselotte Friedrich Mathilde Leopold Theresia Alois Kreszenz Sepp Vroni Hermann Gisela"
        ),
        _words(
            "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder "
            "Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Krause Meier Lehmann Schmid Schulze Maier "
            "Köhler Herrmann König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich "
            "Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon Ludwig Böhm Winter Kraus Martin "
            "Schumacher Krämer Vogt Stein Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas Schreiber Graf Dietrich Ziegler Kuhn Pohl "
            "Engel Horn Busch Bergmann Thomas Voigt Sauer Arnold Wolff Pfeiffer Gerber Brunner Frei Steiner Baumgartner Bürgi Zürcher "
            "Aeschlimann Gygax Bühler Hürlimann Zbinden Burri Wyss Egli Ammann Rüegg Stucki Imhof Kälin Odermatt Schnyder Zgraggen von_Arx "
            "von_Allmen Gruber Hofer Pichler Moser Eder Leitner Wimmer Egger Lechner Reiter Obermüller Feldmann-Koch Meier-Huber Kastner"
        ),
    ),
    "french": (
        _words(
            "Jean Marie Pierre Nathalie Michel Isabelle Philippe Sylvie Alain Catherine Nicolas Valérie Christophe Sandrine Laurent "
            "Stéphanie Julien Céline Sébastien Aurélie Thomas Camille Antoine Léa Hugo Chloé Lucas Manon Théo Inès Mathéo Jade Gabriel "
            "Louise Raphaël Zoé Étienne Amélie Benoît Élodie Guillaume Hélène Frédéric Véronique Thierry Martine Yves Monique Gérard "
            "Odette Marcel Yvette Luc Mireille Pascal Corinne Dreux Fabrice Noémie Maxime Margaux Cédric Solange Bastien Delphine"
        ),
        _words(
            "Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefebvre Michel Garcia David Bertrand Roux "
            "Vincent Fournier Morel Girard André Lefèvre Mercier Dupont Lambert Bonnet François Martinez Legrand Garnier Faure Rousseau "
            "Blanc Guérin Muller Henry Roussel Nicolas Perrin Morin Mathieu Clément Gauthier Dumont Lopez Fontaine Chevalier Robin Masson "
            "Sanchez Gérard Nguyen Boyer Denis Lemaire Duval Joly Gautier Roger Roche Roy Noël Meyer Lucas Meunier Jean Perez Marchand "
            "Dufour Blanchard Marie Barbier Brun Dumas Brunet Schmitt Leroux Colas Fabre Favre Rochat Jaquet Pittet Monnier de_La_Tour "
            "Le_Goff Saint-Pierre Beaudouin Tanguay Sauvé Rocher Marcil d'Amours L'Écuyer"
        ),
    ),
    "italian": (
        _words(
            "Marco Giulia Andrea Chiara Francesco Sara Alessandro Martina Luca Francesca Matteo Valentina Lorenzo Elisa Davide Federica "
            "Simone Alessia Giuseppe Silvia Antonio Elena Giovanni Laura Roberto Paola Stefano Anna Salvatore Rosa Vincenzo Lucia Pietro "
            "Carmela Domenico Concetta Angelo Teresa Carlo Giovanna Gianluca Ilaria Fabio Michela Enrico Claudia Massimo Nunzia Ettore "
            "Beatrice Riccardo Ginevra Nicolò Vinicio Marilena Tempeste Ottavio Fiorella Renzo Mirella Loredana Ugo Tiziana Ivo Daria"
        ),
        _words(
            "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti De_Luca Mancini Costa Giordano Rizzo "
            "Lombardi Moretti Barbieri Fontana Santoro Mariani Rinaldi Caruso Ferrara Galli Martini Leone Longo Gentile Martinelli Vitale "
            "Lombardo Serra Coppola De_Santis D'Angelo Marchetti Parisi Villa Conte Ferraro Ferri Fabbri Bianco Marini Grasso Valentini "
            "Messina Sala De_Angelis Gatti Pellegrini Palumbo Sanna Farina Rizzi Monti Cattaneo Morelli Amato Silvestri Mazza Testa "
            "Bernasconi Cavadini Pedrazzini Rusconi Nucci Buccho Beneventi Fernandes_Rossi Trevisani Udinesi Calabresi Siciliani"
        ),
    ),
    "iberian": (
        _words(
            "María Carmen Antonio José Manuel Francisco Juan David Ana Laura Javier Isabel Carlos Marta Miguel Cristina Jesús Lucía Pedro "
            "Paula Luis Elena Sergio Raquel Pablo Sofía Alejandro Pilar Diego Rosario Álvaro Beatriz Rubén Nuria Iván Inés Óscar Marcela "
            "João Ana_Paula Rui Catarina Tiago Mariana Gonçalo Leonor Martim Vitória Leticia Matheus Thiago Fernanda Rafael Camila Gustavo "
            "Larissa Heitor Yaco Rodolfo Ximena Guadalupe Esteban Araceli Ramiro Dolores Facundo Milagros Lautaro Beltrán Mijail Iqra"
        ),
        _words(
            "García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Martín Jiménez Ruiz Hernández Díaz Moreno Muñoz Álvarez "
            "Romero Alonso Gutiérrez Navarro Torres Domínguez Vázquez Ramos Gil Ramírez Serrano Blanco Molina Morales Suárez Ortega Delgado "
            "Castro Ortiz Rubio Marín Sanz Núñez Iglesias Medina Garrido Cortés Castillo Santos Lozano Guerrero Cano Prieto Méndez Cruz "
            "Silva Ferreira Pereira Oliveira Costa Rodrigues Martins Sousa Fernandes Gonçalves Gomes Lopes Marques Alves Almeida Ribeiro "
            "Pinto Carvalho Teixeira Moreira Correia Mendes Nunes Soares Vieira Azevedo Cunha Barros Araujo Cardoso Rocha Angulo Urbina "
            "Mesa Nieves Carrillo Galvan Valdez Villarreal Saucedo Montes_de_Oca del_Río de_la_Cruz Meza Godina Benavidez Castellanos"
        ),
    ),
    "slavic": (
        _words(
            "Jan Anna Piotr Katarzyna Krzysztof Małgorzata Andrzej Agnieszka Tomasz Barbara Paweł Ewa Michał Magdalena Marcin Joanna Jakub "
            "Zuzanna Wojciech Bożena Zbigniew Halina Jerzy Grażyna Stanisław Weronika Bonifacy Wisław Jiří Marie Jana Petr Eva Tomáš Hana "
            "Václav Lenka Zdeněk Kateřina Radka Ondřej Zuzana Miroslav Jitka Ivan Olga Sergei Tatiana Dmitri Natalia Alexei Irina Vladimir "
            "Svetlana Nikolai Ekaterina Mikhail Oksana Andriy Bulat Dzhambek Marko Ivana Luka Ana Nikola Jelena Stjepan Vidica Božica "
            "Romana Zoran Snežana Dragan Milica Goran Vesna Katja Matej Nejc Špela Vincencij Boyan Desislava Hilarion Mary Rubija Svetoslav"
        ),
        _words(
            "Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski Zieliński Szymański Woźniak Dąbrowski Kozłowski Jankowski "
            "Mazur Kwiatkowski Krawczyk Kaczmarek Piotrowski Grabowski Zając Pawłowski Michalski Król Wieczorek Jabłoński Wróbel Czarnecki "
            "Borkowski Adamczyk Novák Svoboda Novotný Dvořák Dvořáčková Černý Procházka Kučera Veselý Horák Němec Pokorný Balatková "
            "Petřík Zadina Krčmář Ivanov Petrov Smirnov Kuznetsov Popov Sokolov Lebedev Kozlov Novikov Morozov Volkov Denisov Vinogradov "
            "Balashova Gavrilova Demidov Vizirov Karataev Sozonov Shevchenko Kovalenko Bondarenko Tkachenko Horvat Kovačević Babić Marić "
            "Jurić Novaković Horvatinčić Zakoč Bašić Ćaćić Zupančič Krajnc Vodir Nadbath Potočnik Dimitrov Georgiev Stoyanov Todorova"
        ),
    ),
    "nordic": (
        _words(
            "Lars Anna Erik Maria Anders Karin Johan Kristina Per Lena Nils Eva Mikael Sara Olof Birgitta Fredrik Åsa Magnus Ulla Björn Elsa "
            "Ole Inger Kjell Marit Svein Astrid Knut Solveig Aksel Ingrid Håkon Signe Jens Mette Søren Kirsten Niels Hanne Lasse Bente "
            "Matti Aino Juhani Helena Timo Anneli Keijo Selma Jouni Impi Pekka Tuula Ville Kaisa Jón Guðrún Sigurður Kristín Halldór "
            "Ástríður Sölvi Kristíana Sighvatur Tómas Þóra Einar Svanhildur Katrine Weronika Kristi Olav Thor Freja Rasmus Leif Torbjörn"
        ),
        _words(
            "Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson Gustafsson Lindberg Lindström Holmberg Bergström "
            "Hansen Johansen Olsen Larsen Andersen Pedersen Nilsen Kristiansen Jensen Nielsen Christensen Sørensen Rasmussen Jørgensen "
            "Petersen Madsen Kristensen Steffensen Wiik Martinsen Holm Dahl Berg Haugen Hagen Korhonen Virtanen Mäkinen Nieminen Hämäläinen "
            "Laine Heikkinen Koskinen Järvinen Salmela Hahli Veitonen Sasi Hyvönen Jónsson Guðmundsdóttir Sigurðardóttir Magnusson "
            "Ottarsdóttir Bryndísardóttir Salómonsson Steinarsdóttir Árnþórsson Askelsson Ólafsdóttir Lindqvist Söderlund Åkesson Kjærgaard"
        ),
    ),
    "dutch": (
        _words(
            "Jan Maria Johannes Anna Willem Cornelia Hendrik Wilhelmina Pieter Johanna Sander Femke Daan Lotte Bram Sanne Thijs Fleur Jeroen "
            "Marieke Maarten Anouk Joost Saskia Aantje Boaz Rens Nynke Luuk Romy Katrien Griet Wout Liesbeth Joris Veerle"
        ),
        _words(
            "de_Jong Jansen de_Vries van_den_Berg van_Dijk Bakker Janssen Visser Smit Meijer de_Boer Mulder de_Groot Bos Vos Peters Hendriks "
            "van_Leeuwen Dekker Brouwer de_Wit Dijkstra Smits de_Graaf van_der_Meer Kuipers Veenstra Kramer van_den_Heuvel Postma Roeterdink "
            "Mourik de_Vaan Deutekom Claes Maes Wouters Goossens Vermeulen de_Smet Lemmens Van_Damme Verhoeven ten_Have"
        ),
    ),
    "hungarian_romanian_greek": (
        _words(
            "László Mária István Erzsébet József Katalin János Ilona Zoltán Éva Sándor Zsuzsanna Gábor Anikó Koppány Miklós Réka Ákos Tünde "
            "Ion Elena Andrei Ioana Mihai Gabriela Ștefan Alina Florin Roxana Giorgos Eleni Dimitris Katerina Nikos Sofia Kostas Vasiliki "
            "Yannis Despina Spyros Athanasia Julitta Szabolcs Piroska"
        ),
        _words(
            "Nagy Kovács Tóth Szabó Horváth Varga Kiss Molnár Németh Farkas Balogh Papp Takács Juhász Hajdu Berecz Hegedűs Popa Popescu "
            "Ionescu Dumitrescu Stan Constantin Marinescu Papadopoulos Georgiou Nikolaidis Pavlou Drandaki Christodoulou Vlachos Oikonomou"
        ),
    ),
    "asian": (
        _words(
            "Wei Fang Min Jing Li Yan Hui Xin Yu Chen Mei Ling Hao Ming Qiang Xiuying Jun Hiroshi Yuki Takashi Sakura Kenji Aiko Haruto Yui "
            "Toshimi Tomomi Riku Akira Naoko Minjun Seoyeon Jisoo Hyun Sungmin Eunji Nguyen_Van Thi Minh Linh Tuan Hoa Anh Dung Rajesh "
            "Priya Amit Sunita Vijay Lakshmi Arjun Ananya Rohan Kavita Sanjay Deepa Vikram Meera Suresh Aisha Bilal Fatima Imran Zainab "
            "Hamza Nadia Tariq Yulan Siti Budi Dewi Agus Putri Somchai Malee Reza Shirin Farhad Nasrin Arata Yoko Kaito"
        ),
        _words(
            "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Gao Luo Zheng Tanaka Suzuki Takahashi Sato Watanabe "
            "Ito Yamamoto Nakamura Kobayashi Kato Yoshida Yamada Sasaki Andou Ogasahara Ookubo Arata Kim Lee Park Choi Jung Kang Cho Yoon "
            "Nguyen Tran Le Pham Hoang Phan Vu Dang Bui Do Sharma Patel Singh Kumar Gupta Reddy Rao Mehta Joshi Iyer Nair Chatterjee "
            "Mukherjee Khan Ahmed Hussain Malik Qureshi Siddiqui Chowdhury Rahman Islam Wijaya Santoso Hosseini Rezaei Tehrani Lam Cheung"
        ),
    ),
    "african_arabic_turkish": (
        _words(
            "Mohammed Fatima Ahmed Aisha Ali Zainab Omar Khadija Hassan Mariam Ibrahim Layla Youssef Nour Karim Salma Khalid Hanan Chinedu "
            "Ngozi Emeka Adaeze Oluwaseun Folake Tunde Yetunde Kwame Ama Kofi Abena Sipho Thandiwe Themba Nomsa Tendai Rudo Zama Amara "
            "Abdoulaye Aminata Moussa Mariama Selam Dawit Tigist Mehmet Ayşe Mustafa Fatma Emre Elif Burak Zeynep Hakan Gül Leyla Osman"
        ),
        _words(
            "Al-Sayed El-Masry Haddad Khoury Mansour Nasser Saleh Farouk Benali Bouazizi Okafor Okonkwo Adeyemi Balogun Eze Nwosu Mensah "
            "Owusu Boateng Asante Dlamini Nkosi Zulu Khumalo Mokoena Moyo Ndlovu Diallo Traoré Keita Ba Diop Sow Kamara Tesfaye Bekele "
            "Abebe Yılmaz Kaya Demir Şahin Çelik Yıldız Öztürk Arslan Doğan Kılıç Aydın Nalbandian Petrosyan Cohen Levi Mizrahi Katz Ben-David"
        ),
    ),
}

NAME_TITLES = _words(
    "Mr.|Mrs.|Ms.|Dr.|Miss|Mr|Mrs|Ms|Dr|Prof.|Professor|Doctor|Sir|Dame|Rev.|Herr|Frau|Herrn|Mme|M.|Monsieur|Madame|Signora|Signor|Sig.ra|Dott."
)
SUFFIXES = _words("MD|M.D.|DO|NP|PA-C|RN|PhD|DDS|Jr.|Sr.|III|DPM|FNP|MBBS|FRCS|LPN|PharmD")

COUNTRIES = _words(
    "Switzerland|Germany|France|Italy|Austria|Spain|Portugal|United Kingdom|United States|USA|UK|Canada|Mexico|Brazil|Argentina|Chile|Peru|"
    "Colombia|Venezuela|Uruguay|Paraguay|Bolivia|Ecuador|Cuba|Jamaica|Haiti|Norway|Sweden|Finland|Denmark|Iceland|Ireland|Netherlands|Belgium|"
    "Luxembourg|Poland|Czech Republic|Slovakia|Slovenia|Croatia|Serbia|Bosnia|Hungary|Romania|Bulgaria|Greece|Turkey|Cyprus|Malta|Albania|"
    "North Macedonia|Estonia|Latvia|Lithuania|Ukraine|Russia|Belarus|Moldova|Georgia|Armenia|Azerbaijan|Kazakhstan|Uzbekistan|Iran|Iraq|Syria|"
    "Lebanon|Israel|Jordan|Egypt|Libya|Tunisia|Algeria|Morocco|Sudan|Ethiopia|Kenya|Uganda|Tanzania|Rwanda|Somalia|Nigeria|Ghana|Senegal|Mali|"
    "Togo|Benin|Cameroon|Gabon|Angola|Zambia|Zimbabwe|Botswana|Namibia|South Africa|Madagascar|Mauritius|India|Pakistan|Bangladesh|Nepal|"
    "Sri Lanka|Maldives|Myanmar|Thailand|Vietnam|Laos|Cambodia|Malaysia|Singapore|Indonesia|Philippines|China|Taiwan|Hong Kong|Japan|"
    "South Korea|Mongolia|Australia|New Zealand|Fiji|Samoa|Tonga|Vanuatu|Nauru|Palau|Kiribati|Greenland|Liechtenstein|Monaco|San Marino|"
    "Andorra|Barbados|Bahamas|Belize|Costa Rica|Panama|Honduras|Guatemala|Nicaragua|El Salvador|Dominican Republic|Saudi Arabia|Yemen|Oman|"
    "Qatar|Kuwait|Bahrain|United Arab Emirates|Afghanistan|East Timor|Papua New Guinea|Schweiz|Deutschland|Österreich|Suisse|Allemagne|Italia|"
    "Svizzera|Frankreich|Italien|Spanien|Angleterre|Francia|Germania|Türkei|Griechenland|Texas|California|Florida|Ohio|Bavaria|Tuscany|Ticino"
)
TOWNS = _words(
    "London|Paris|Berlin|Rome|Madrid|Lisbon|Vienna|Zurich|Geneva|Basel|Bern|Lausanne|Lucerne|Lugano|Winterthur|St. Gallen|Chur|Thun|Sion|Fribourg|"
    "Neuchâtel|Bellinzona|Zürich|Genf|Luzern|Genève|Hamburg|München|Munich|Köln|Cologne|Frankfurt|Frankfurt am Main|Stuttgart|Düsseldorf|Leipzig|"
    "Dresden|Hannover|Nürnberg|Bremen|Kiel|Rostock|Freiburg|Graz|Linz|Salzburg|Innsbruck|Klagenfurt|Villach|Wien|Lyon|Marseille|Toulouse|Nice|"
    "Nantes|Strasbourg|Bordeaux|Lille|Rennes|Reims|Vierzon|Saint-Étienne|Aix-en-Provence|Milano|Milan|Roma|Napoli|Torino|Turin|Palermo|Genova|"
    "Bologna|Firenze|Florence|Bari|Catania|Venezia|Verona|Como|Varese|Manchester|Birmingham|Leeds|Glasgow|Edinburgh|Bristol|Cardiff|Belfast|Leicester|"
    "Nottingham|Sheffield|Newcastle|York|Bath|Oxford|Cambridge|Reading|Exeter|Plymouth|Stoke-on-Trent|New York|Los Angeles|Chicago|Houston|Phoenix|"
    "Philadelphia|San Antonio|San Diego|Dallas|Austin|Boston|Seattle|Denver|Detroit|Memphis|Portland|Las Vegas|Baltimore|Milwaukee|Albuquerque|Tucson|"
    "Sacramento|Atlanta|Miami|Omaha|Oakland|Minneapolis|Cleveland|Tampa|New Orleans|Honolulu|Anchorage|Springfield|Franklin|Clinton|Madison|Salem|"
    "Fairview|Greenville|Bristol|Dover|Toronto|Montreal|Vancouver|Calgary|Ottawa|Quebec City|Halifax|St Georges|Sydney|Melbourne|Perth|Auckland|"
    "Wellington|Hamilton East|Cape Town|Durban|Pretoria|Nairobi|Lagos|Accra|Cairo|Casablanca|Istanbul|Ankara|Dubai|Mumbai|Delhi|Bangalore|Karachi|"
    "Dhaka|Bangkok|Hanoi|Jakarta|Manila|Beijing|Shanghai|Tokyo|Osaka|Kyoto|Seoul|Busan|Oslo|Bergen|Stavanger|Trondheim|Tromsø|Stockholm|Göteborg|"
    "Malmö|Uppsala|København|København V|Aarhus|Odense|Helsinki|Tampere|Turku|Oulu|Kajaani|Naantali|Seinäjoki|Reykjavik|Akureyri|Þórshöfn|Warszawa|"
    "Kraków|Wrocław|Gdańsk|Poznań|Łódź|Praha|Brno|Ostrava|Turkovice|Bratislava|Ljubljana|Maribor|Zagreb|Split|Beograd|Budapest|Debrecen|Szeged|Egyek|"
    "Bucharest|Cluj|Sofia|Plovdiv|Athens|Thessaloniki|Patras|Kyiv|Lviv|Moscow|Vilnius|Riga|Tallinn|Amsterdam|Rotterdam|Utrecht|Den Haag|Eindhoven|"
    "Schipluiden|Antwerpen|Gent|Brugge|Liège|Neupré|Porto|Coimbra|Faro|Ribeirão|Barcelona|Valencia|Sevilla|Bilbao|Granada|Montijo|Almussafes|São Paulo|"
    "Rio de Janeiro|Salvador|Buenos Aires|Córdoba|Rosario|Santiago|Lima|Bogotá|Quito|Caracas|Natal|Letaba|Hibberdene|Pietersburg|Oberwil|Küsnacht|Wil|"
    "Horgen|Wädenswil|Baden|Olten|Solothurn|Zug|Aarau|Schaffhausen|Davos|Interlaken|Martigny|Yverdon|Vevey|Locarno|Mendrisio|Gossau|Lyss|Arzier|Tujetsch"
)
TOWN_STARTS = _words(
    "North|South|East|West|New|Lake|Port|Saint|Upper|Lower|Old|Great|Bad|Ober|Unter|Neu|Gross-|Klein|Sankt|Villa|San|Santa|Le|La|Mont"
)
TOWN_ENDS = _words(
    "ville|ton|burgh|berg|burg|dorf|hausen|bury|ford|field|haven|port|stad|by|wil|ingen|heim|bach|feld|land|side|mouth|chester|shire|view|borough|fort|town|kirchen|au|ach|mont|court|wick|ham"
)

STREET_ENDS = _words(
    "Street|St|St.|Road|Rd|Rd.|Avenue|Ave|Ave.|Lane|Ln|Drive|Dr|Court|Ct|Close|Crescent|Terrace|Way|Boulevard|Blvd|Place|Pl|Square|Hill|Grove|Gardens|Row|"
    "Parkway|Pkwy|Trail|Circle|Highway|Hwy|Walk|Mews|Rise|Green|View|Park|Ridge|Point|Run|Pass|Path|Plaza|Loop|Alley|Turnpike|Causeway"
)
#: What Faker-like American streets end with.
STREET_ENDS_RARE = _words(
    "Brook|Brooks|Creek|Crossing|Estates|Extension|Falls|Field|Fields|Flats|Forest|Forge|Forks|Fort|Freeway|Garden|Gateway|Glen|Harbor|Haven|Heights|Hills|"
    "Hollow|Inlet|Island|Isle|Junction|Key|Knoll|Lake|Land|Landing|Light|Lock|Locks|Lodge|Mall|Manor|Meadow|Meadows|Mill|Mission|Motorway|Mount|Mountain|"
    "Neck|Orchard|Oval|Overpass|Passage|Pine|Pines|Plain|Port|Prairie|Radial|Ramp|Ranch|Rapids|Rest|River|Roads|Shoal|Shore|Shores|Skyway|Spring|Springs|"
    "Spur|Spurs|Squares|Station|Stravenue|Stream|Streets|Summit|Throughway|Trace|Track|Trafficway|Tunnel|Turnpike|Underpass|Union|Unions|Valley|Via|Viaduct|"
    "Views|Village|Ville|Vista|Walks|Wall|Well|Wells|Bluff|Branch|Bridge|Burg|Bypass|Camp|Canyon|Cape|Cliff|Club|Common|Corner|Course|Cove|Curve|Dale|Dam"
)
STREET_WORDS = _words(
    "High|Main|Church|Station|Park|Victoria|Oak|Maple|Cedar|Elm|Pine|Washington|Lincoln|Jefferson|King|Queen|Mill|School|Green|North|South|West|East|Spring|"
    "Hill|Lake|River|Sunset|Highland|Ridge|Forest|Meadow|Orchard|Chestnut|Walnut|Willow|Birch|Bay|Glyn|Derby|Crown|Countess|Hounslow|Cheriton|Robertson|"
    "Stone Cellar|Westfall|Marina|Market|Bridge|Canal|Castle|Abbey|Priory|Manor|Garden|Rose|Union|Liberty|Franklin|Jackson|Adams|Monroe|Madison|2nd|3rd|5th"
)
GERMAN_STREETS = _words(
    "Bahnhof|Haupt|Dorf|Schul|Kirch|Garten|Berg|Wald|Linden|Ring|Post|Mühle|Wiesen|Birken|Rosen|Goethe|Schiller|Mozart|Beethoven|Garnison|Markt|Schloss|Brunnen|"
    "Seefeld|Lang|Zürcher|Berner|Basler|Luzerner|Feld|Bach|Sonnen|Eichen|Buchen|Hof|Ufer|Kapellen|Industrie|Neu|Ober|Unter|Amts|Floridus|Genter|Frankfurter"
)
GERMAN_STREET_ENDS = _words("strasse|straße|str.|weg|gasse|platz|allee|ring|rain|halde|matte|damm|ufer|steig|hof")
FRENCH_STREET_STARTS = _words(
    "rue|Rue|avenue|Avenue|boulevard|Boulevard|place|Place|chemin|Chemin|impasse|allée|Route|quai|cours"
)
FRENCH_STREET_NAMES = _words(
    "de la Gare|du Lac|Victor Hugo|de Lausanne|des Fleurs|du Mont-Blanc|Pasteur|Jean Jaurès|de la République|Gambetta|du Moulin|de l'Église|des Lilas|de Genève|"
    "de Pologne|du Centre|Saint-Michel|des Alpes|de la Liberté|du Général de Gaulle|de Kairouan|de la Hulotais|des Vignes|du Marché|Voltaire|du Port|de Berne"
)
ITALIAN_STREET_STARTS = _words("Via|via|Viale|Piazza|Corso|Vicolo|Largo|Strada|Contrada|Salita")
ITALIAN_STREET_NAMES = _words(
    "Roma|Garibaldi|Mazzini|Dante|Verdi|Nazionale|dei Mille|San Marco|della Stazione|Cavour|Marconi|delle Rose|Franscini|Nassa|al Ponte|XX Settembre|Pessina|"
    "della Libertà|Manzoni|del Corso|Provinciale|Vittorio Emanuele|San Gottardo|Lavizzari|Campo Marzio|Carducci|Leopardi|IV Novembre"
)
OTHER_STREETS = _words(
    "Calle de Alcalá {n}|Calle Mayor {n}|Avda. de la Constitución {n}|Plaza de España {n}|Rua Augusta {n}|Rua Forno {n}|Avenida da Liberdade {n}|Rua das Flores {n}|"
    "ul. Cicha {n}|ul. Długa {n}|ul. Mickiewicza {n}|Kossuth utca {n}|Rákóczi út {n}.|Petőfi u. {n}.|Dobrovského {n}|Dašická {n}|Vodičkova {n}|Kiannonkatu {n}|"
    "Harjukuja {n}|Suensaarenkatu {n}|Sahankatu {n}|Mannerheimintie {n}|Storgatan {n}|Drottninggatan {n}|Vasagatan {n}|Karl Johans gate {n}|Beiteveien {n}|"
    "Håndværkervej {n}|Vesterskovvej {n}|Lodskovvej {n}|Nørregade {n}|Fagradalsbraut {n}|Laugavegur {n}|Þórunnarstræti {n}|Keizersgracht {n}|Netelaan {n}|"
    "Kerkstraat {n}|Dorpsstraat {n}|Meir {n}|Spinatsch {n}|Steinfelden {n}|Ilica {n}|Trubarjeva {n}|Ermou {n}|{n} Ermou|Atatürk Caddesi No: {n}|Iliou Street {n}|"
    "San Andrés {n}|Ibirapita {n}|Av. Corrientes {n}|Carrera 7 # {n}-12|Calle {n} No. 45|Paul-Nevermann-Platz {n}|{n} Jalan Merdeka|Nevsky Prospekt {n}|"
    "Strada Lipscani {n}|Bulevardi {n}|Gran Vía {n}|Passeig de Gràcia {n}|Rua Pedro Pivato {n}|Skolegade {n}|Tordenskjolds gate {n}|Lindenlaan {n}|Rue Haute {n}"
)
STATES = _words(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PW AS DC PR QC ON BC AB ZH BE SO SV NO WHT CO RN"
)

FIRM_STARTS = _words(
    "Acme|Apex|Blue Harbor|Bright|Cedar|Cloud|Crest|Data|Delta|Echo|Ember|Epic|First|Fleet|Forge|Fresh|Global|Golden|Granite|Harbor|Helio|Iron|Juniper|Keystone|"
    "Lumen|Lunar|Maple|Meridian|Metro|Mosaic|Nimbus|North|Nova|Oak|Open|Orbit|Pacific|Panorama|Peak|Pioneer|Pivot|Prime|Quantum|Quick|Radiant|Rapid|River|Rocket|"
    "Sage|Signal|Silver|Simple|Sky|Solar|Spark|Spring|Stellar|Still|Summit|Sun|Swift|Terra|Tidal|Trust|Urban|Vector|Verde|Vista|Vital|Wave|Wild|Zen|Zephyr|Crowd|Edu|Fin"
)
FIRM_ENDS = _words(
    "Systems|Technologies|Software|Solutions|Labs|Partners|Capital|Holdings|Group|Industries|Consulting|Media|Networks|Analytics|Robotics|Foods|Energy|Logistics|"
    "Insurance|Bank|Studios|Ventures|Biosciences|Pharma|Motors|Airlines|Records|Publishing|Research|Advisors|Factoring|Weather|Census|Supercomputing|Club|Report"
)
FIRM_MERGED = _words(
    "ly|ify|ster|base|wise|works|mark|stat|space|hub|trail|lytix|tuition|loop|scope|point|cast|made|counter|sense|path|cycle|advisor|jive|via|wave|nav|gov"
)
FIRM_FORMS = _words(
    "Inc|Inc.|Incorporated|LLC|Ltd|Ltd.|PLC|Corp.|Corporation|GmbH|AG|SA|S.A.|Sàrl|S.p.A.|S.r.l.|KG|& Co.|& Sons|Group|NV|BV|Oy|AB"
)
KNOWN_FIRMS = _words(
    "Microsoft|Google|Amazon|Apple|Nestlé|Novartis|Roche|Siemens|Bosch|BMW|Volkswagen|Deutsche Bank|UBS|Swisscom|Migros|Coop|Allianz|Zurich Insurance|AXA|"
    "Credit Agricole|BNP Paribas|Renault|Airbus|Fiat|Eni|Barclays|HSBC|Tesco|Vodafone|Unilever|Shell|Samsung|Sony|Toyota|Garmin|Canon|Intel|IBM|Oracle|Cisco|"
    "Netflix|Spotify|Uber|Bloomberg|Reuters|Berkshire Hathaway|The Vanguard Group|Goldman Sachs|J.P. Morgan|Wells Fargo|Chase|Citibank|Walmart|Target|Costco|FedEx|"
    "DHL|Swiss Post|SBB|Lufthansa|Harvard University|MIT|ETH Zürich|University of Oxford|Stanford University|Red Cross|UNICEF|WHO|Consumer Reports|Castle Biosciences"
)
FACILITY_ENDS = _words(
    "Hospital|Medical Center|Clinic|General Hospital|Memorial Hospital|Regional Medical Center|Health Center|Community Hospital|Children's Hospital|Family Practice|"
    "Medical Group|Cancer Center|Rehabilitation Center|Nursing Home|Hospice|Surgery Center|Urgent Care|Dental Practice|Eye Clinic|Heart Institute|Health System|"
    "University Hospital|Women's Clinic|Medical Centre|Infirmary|Surgery|Day Hospital|Physical Therapy|Imaging Center|Dermatology|Orthopedics|Psychiatric Hospital|"
    "Veterans Hospital|Birth Center|Sleep Clinic|Care Home|Pediatrics|Internal Medicine|Primary Care|Health Clinic|Medical Associates|Diagnostic Center|Pain Clinic"
)
FACILITY_STARTS = _words(
    "St. Mary's|St. Luke's|Saint Joseph|St. Elizabeth|Mercy|Good Samaritan|Sacred Heart|Mount Sinai|Riverside|Lakeside|Hillcrest|Northside|Westview|Valley|Cedar Grove|"
    "Sunrise|Oakwood|Bayview|Providence|Trinity|Holy Cross|Memorial|County|Royal|Queen Elizabeth|King's|Prince of Wales|Baptist|Methodist|Evergreen|Pine Ridge|Harbor"
)
FACILITIES_ABROAD = _words(
    "Universitätsspital {town}|Kantonsspital {town}|Spital {town}|Klinik {name}|Klinikum {town}|Krankenhaus {town}|Praxis Dr. {name}|Hausarztpraxis {town}|Reha-Klinik {town}|"
    "Inselspital|Charité|Hirslanden Klinik {town}|Ärztezentrum {town}|Gemeinschaftspraxis {name}|St. Josef-Krankenhaus|Landeskrankenhaus {town}|Pflegeheim {street}hof|"
    "Hôpital de {town}|Clinique {name}|Hôpital Saint-{first}|CHU de {town}|Centre médical de {town}|Cabinet du Dr {name}|Clinique de {town}|HUG|CHUV|EMS {name}|"
    "Ospedale di {town}|Ospedale San {first}|Clinica {name}|Policlinico di {town}|Casa di cura {name}|Ospedale Civico|Studio medico {name}|Hospital de {town}|{town} NHS Trust"
)
