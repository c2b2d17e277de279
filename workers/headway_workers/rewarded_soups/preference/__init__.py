"""The inner problem of rewarded soups: which mixture of given networks does this user want?"""
