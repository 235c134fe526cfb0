/* Written by tests/generate/similarity_oracle.py (numpy 1.24.2, scikit-learn 1.2.1). */
static const double ORACLE_CKA_BIASED = 0.31167236939089304;
static const double ORACLE_CKA_DEBIASED = 0.11828033769760771;
static const double ORACLE_CKA_MINIBATCH = -0.84731533760307265;
static const double ORACLE_MDS_STRESS = 0.18060114400162391;
static const double ORACLE_TSNE_KL = 0.23778246422615268;
static const double ORACLE_TOP1 = 0.40500000000000003;
static const double ORACLE_TOP5 = 0.78500000000000003;
static const double ORACLE_MACRO_PRECISION = 0.43727710383346263;
static const double ORACLE_MACRO_RECALL = 0.46044422026983617;
static const double ORACLE_MACRO_F1 = 0.39947641966437197;
static const double ORACLE_MICRO_PRECISION = 0.40500000000000003;
static const double ORACLE_MICRO_RECALL = 0.40500000000000003;
static const double ORACLE_MICRO_F1 = 0.40500000000000003;
static const double ORACLE_MEAN_IOU = 0.25354916380976478;
