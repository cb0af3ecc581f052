"""Parts of the demo's names: Chinese and Western names, offices, departments. Data, no logic."""


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def spelled(text: str) -> tuple[tuple[str, str], ...]:
    """Words of the form characters:pinyin, as pairs."""
    return tuple((characters, pinyin) for characters, _, pinyin in (word.partition(":") for word in words(text)))


# The most common first: a draw prefers the front.
FAMILIES = spelled("""
    王:wang 李:li 张:zhang 刘:liu 陈:chen 杨:yang 黄:huang 赵:zhao 吴:wu 周:zhou 徐:xu 孙:sun 马:ma 朱:zhu 胡:hu
    郭:guo 何:he 林:lin 高:gao 罗:luo 郑:zheng 梁:liang 谢:xie 宋:song 唐:tang 许:xu 韩:han 冯:feng 邓:deng 曹:cao
    彭:peng 曾:zeng 肖:xiao 田:tian 董:dong 潘:pan 袁:yuan 蔡:cai 蒋:jiang 余:yu 于:yu 杜:du 叶:ye 程:cheng 魏:wei
    苏:su 吕:lv 丁:ding 任:ren 卢:lu 姚:yao 沈:shen 钟:zhong 姜:jiang 崔:cui 谭:tan 陆:lu 范:fan 汪:wang 廖:liao
    石:shi 金:jin 韦:wei 贾:jia 夏:xia 付:fu 方:fang 邹:zou 熊:xiong 白:bai 孟:meng 秦:qin 邱:qiu 侯:hou 江:jiang
    尹:yin 薛:xue 闫:yan 段:duan 雷:lei 龙:long 陶:tao 黎:li 贺:he 顾:gu 毛:mao 郝:hao 龚:gong 邵:shao 万:wan
    钱:qian 严:yan 欧阳:ouyang 司马:sima 上官:shangguan 诸葛:zhuge
""")
GIVEN = spelled("""
    伟:wei 芳:fang 娜:na 敏:min 静:jing 丽:li 强:qiang 磊:lei 军:jun 洋:yang 勇:yong 艳:yan 杰:jie 娟:juan 涛:tao
    明:ming 超:chao 霞:xia 平:ping 刚:gang 文:wen 辉:hui 玲:ling 鹏:peng 红:hong 华:hua 丹:dan 峰:feng 建国:jianguo
    晓明:xiaoming 小红:xiaohong 志强:zhiqiang 秀英:xiuying 桂英:guiying 建华:jianhua 玉兰:yulan 子涵:zihan
    浩然:haoran 雨桐:yutong 欣怡:xinyi 梓萱:zixuan 宇轩:yuxuan 诗涵:shihan 佳怡:jiayi 俊杰:junjie 思远:siyuan
    嘉豪:jiahao 天宇:tianyu 梦瑶:mengyao 雅琪:yaqi 晨曦:chenxi 一鸣:yiming 若曦:ruoxi 明轩:mingxuan 海涛:haitao
    春梅:chunmei 国强:guoqiang 丽华:lihua 志明:zhiming 永刚:yonggang 雪梅:xuemei 文博:wenbo 振宇:zhenyu 立新:lixin
    美玲:meiling 家宁:jianing 凯:kai 琳:lin 倩:qian 昊:hao 颖:ying 博:bo 悦:yue 睿:rui 晓东:xiaodong 晓燕:xiaoyan
    文静:wenjing 婷婷:tingting 佩珊:peishan 卓尔:zhuoer 可欣:kexin 奕辰:yichen 沐阳:muyang 书瑶:shuyao 景行:jingxing
    知行:zhixing 星辰:xingchen 安然:anran 乐天:letian 清扬:qingyang
""")
WESTERN_FIRST = words("""
    Anna James Maria Thomas Sofia Daniel Emma Lucas Olivia Noah Julia Peter Laura Martin Clara David Elena Marco
    Sarah Paul Nina Felix Alice Hugo Ingrid Oscar Chloé Mathieu Camille Lars Freya Björn Astrid Søren Zoë Giulia
    Matteo Lucía Javier Inês João Katarzyna Piotr Zuzana Tomáš Ágnes László Ioana Andrei Mariam Omar Leila Yusuf
    Priya Arjun Aisha Kenji Yuki Haruto Minji Grace Samuel Hannah Benjamin Ruth Patrick Siobhán Liam Aoife Rachel
    Michael Jessica Robert Karen Steven Nicole Kevin Megan Brian Amanda Theo Margaret Vincent Isabel Frank Louise
""")
WESTERN_LAST = words("""
    Smith Müller Martin García Rossi Jansen Novak Silva Kowalski Johnson Weber Dubois Fernández Bianchi Larsen
    Schmidt Brown Fischer Moreau López Romano Bakker Svoboda Costa Nowak Williams Meyer Laurent Martínez Ferrari
    Visser Dvořák Santos Wójcik Jones Wagner Simon Sánchez Esposito Smit Horváth Pereira Lewandowski Miller Becker
    Lefèvre Pérez Ricci Mulder Kovács Oliveira Davis Hoffmann Roux Gómez Marino Nielsen Szabó Almeida Wilson Koch
    Fournier Díaz Greco Hansen Nagy Carvalho Anderson Bauer Girard Torres Conti Andersson Popescu O'Brien Taylor
    Richter Bonnet Ruiz Gallo Lindqvist Ionescu Murphy Thomas Klein Mercier Haddad Patel Sharma Khan Tanaka Sato Kim
    Park Nguyen Okafor Mensah Hall Young King Wright Green Baker Adams Nelson Carter Mitchell Roberts Turner
""")
# Domains reserved for documents and examples: no mail reaches a person.
MAIL_DOMAINS = words("""
    mail.example post.example lantian-trade.example huaxin-tech.example example.com example.org example.net
    beacon-supply.example orchard-works.example jinshan-auto.example nordlicht.example meridian-foods.example
    xinghe-logistics.example atelier-bleu.example harbour-capital.example
""")
# (prefix, free digits): every number with the prefix is valid. Contacts and employees have different prefixes.
CHINA_PHONES = tuple(
    (f"+86{prefix}", 8)
    for prefix in (
        130, 131, 132, 133, 134, 135, 136, 137, 138, 150, 151, 152, 153, 155, 156, 157, 158, 159, 166, 173, 175, 176,
        177, 178, 180, 181, 182, 183, 185, 186, 187, 188, 189, 191, 198, 199,
    )
)  # fmt: skip
OTHER_PHONES = (
    ("+49151", 8), ("+49170", 7), ("+44771", 7), ("+44780", 7), ("+33612", 6), ("+39347", 7), ("+34612", 6),
    ("+3161", 7), ("+4670", 7), ("+4179", 7), ("+8180", 8), ("+82109", 7), ("+91981", 7), ("+61412", 6),
    ("+659123", 4), ("+8526123", 4),
)  # fmt: skip
# Office: (share of Chinese names, IANA zone or empty for the company's, hours its day begins after Shanghai's, phones).
OFFICES = {
    "shanghai": (0.93, "", 0, ("+86139", 8)),
    "singapore": (0.5, "Asia/Singapore", 0, ("+6591", 6)),
    "berlin": (0.1, "Europe/Berlin", 7, ("+49175", 7)),
    "new york": (0.15, "America/New_York", 13, ("+12126", 6)),
}
EXECUTIVE = "Executive Office"
HUMAN_RESOURCES = "Human Resources"
# (department, share of the company, office), most important first.
DEPARTMENTS = (
    ("Sales", 0.28, "shanghai"),
    (HUMAN_RESOURCES, 0.04, "shanghai"),
    ("Customer Service", 0.16, "shanghai"),
    ("Research and Development", 0.16, "shanghai"),
    ("Operations", 0.12, "shanghai"),
    ("Marketing", 0.08, "shanghai"),
    ("大客户部", 0.05, "shanghai"),
    ("Finance", 0.05, "shanghai"),
    ("信息技术部", 0.04, "shanghai"),
    ("Legal", 0.02, "shanghai"),
)
# Departments below the head of Sales, one per region.
REGIONS = (
    ("Sales China", "shanghai"),
    ("Sales Europe", "berlin"),
    ("Sales South China", "shanghai"),
    ("Sales Americas", "new york"),
    ("Sales Asia-Pacific", "singapore"),
    ("Sales West China", "shanghai"),
)
